"""Health checks by grpc.health.v1, asked of grpcio's own server."""

import grpc
import pytest

from support.config_file import cluster, config, route, write_config
from support.grpc_backend import NOT_SERVING, SERVING, GrpcBackend, Peer
from support.waiting import PATIENCE_S, eventually

NAME = "grpc.test"
CHECK = {"type": "grpc", "interval_ms": 20, "timeout_ms": 5000, "unhealthy_threshold": 2, "healthy_threshold": 2}


@pytest.fixture(params=["plain", "tls"])
def make_server(request, authority):
    """make_server(health): a GrpcBackend; .settings are those of its cluster."""
    made = []

    def make(health):
        credentials, settings = None, {"protocol": "http2"}
        if request.param == "tls":
            own = authority.make(NAME)
            credentials = grpc.ssl_server_credentials([(own.key.encode(), own.chain.encode())])
            settings["tls"] = {"ca_bundle": authority.root.chain, "server_name": NAME}
        made.append(GrpcBackend(credentials, health))
        made[-1].settings = settings
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def watch(start, tmp_path):
    """watch(server, check...): a daemon that checks it."""
    def watch_server(server, **check):
        settings = {**getattr(server, "settings", {"protocol": "http2"}), "panic_threshold_percent": 0}
        value = config([cluster("c", server, health_check={**CHECK, **check}, **settings)], [route("all", "c")])
        return start("--config", write_config(tmp_path / "config", value), "--workers", "2").wait_ready()

    return watch_server


def wait_state(daemon, state, reason):
    def find():
        (page,) = daemon.page("/clusters")["clusters"]
        (endpoint,) = page["endpoints"]
        return (endpoint["state"], endpoint["reason"]) == (state, reason)

    eventually(find, f"{state} since {reason}")


def test_a_server_that_serves_and_then_does_not(make_server, watch):
    server = make_server({"": SERVING})
    daemon = watch(server)
    wait_state(daemon, "healthy", "serving")
    for _ in range(3):
        assert server.checked.acquire(timeout=PATIENCE_S)
    server.health[""] = NOT_SERVING
    wait_state(daemon, "unhealthy", "not_serving")
    server.health[""] = SERVING
    wait_state(daemon, "healthy", "serving")


def test_calls_keep_away_from_a_server_that_does_not_serve(make_server, watch):
    server = make_server({"": NOT_SERVING})
    daemon = watch(server)
    wait_state(daemon, "unhealthy", "not_serving")
    with Peer(daemon.http) as peer, pytest.raises(grpc.RpcError) as caught:
        peer.Echo(b"", timeout=PATIENCE_S)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert not server.calls


def test_one_service_of_a_server(make_server, watch):
    server = make_server({"": NOT_SERVING, "test.Peer": SERVING})
    daemon = watch(server, grpc_service="test.Peer")
    wait_state(daemon, "healthy", "serving")
    del server.health["test.Peer"]
    wait_state(daemon, "unhealthy", "unknown_service")


def test_a_server_that_has_no_health_service(make_server, watch):
    wait_state(watch(make_server(None)), "unhealthy", "health_unimplemented")


def test_a_server_that_is_gone(make_server, watch):
    server = make_server({"": SERVING})
    daemon = watch(server)
    wait_state(daemon, "healthy", "serving")
    server.close()
    wait_state(daemon, "unhealthy", "connect_failed")


def test_a_server_that_speaks_http1(watch, make_backend):
    wait_state(watch(make_backend()), "unhealthy", "bad_response")
