"""Calls of gRPC by grpcio: through proxyd to grpcio's own server, plain and over TLS, and what they become when proxyd
answers itself."""

import threading
import time

import grpc
import pytest

from support.config_file import cluster, config, route, secured, write_config
from support.grpc_backend import LARGEST, GrpcBackend, Peer
from support.waiting import PATIENCE_S

CODES = grpc.StatusCode
NAME = "grpc.test"


def failure(call, *args, **kwargs):
    """The RpcError of a call that has to fail."""
    with pytest.raises(grpc.RpcError) as caught:
        result = call(*args, timeout=kwargs.pop("timeout", PATIENCE_S), **kwargs)
        list(result)
    return caught.value


class Proxy:
    """A daemon and a client of it."""

    def __init__(self, daemon, root):
        self.daemon, self.root = daemon, root
        self.open = []

    def peer(self):
        self.open.append(Peer(self.daemon.http, self.root, NAME))
        return self.open[-1]


@pytest.fixture(params=["plain", "tls"])
def secure(request):
    return request.param == "tls"


@pytest.fixture
def serve(start, tmp_path, authority, secure):
    """serve(clusters, routes): a Proxy, whose clients speak TLS where the parameter says so."""
    proxies = []

    def serve_config(clusters, routes, **listener):
        value = config(clusters, routes, **listener)
        root = None
        if secure:
            value = secured(value, [authority.make(NAME).config("ours")], default_certificate="ours")
            root = open(authority.root_file, "rb").read()
        daemon = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
        proxies.append(Proxy(daemon, root))
        return proxies[-1]

    yield serve_config
    for proxy in proxies:
        for peer in proxy.open:
            peer.channel.close()


class TestAnswersOfOurs:
    """No backend that speaks gRPC is needed for these."""

    def test_no_route(self, serve, make_backend):
        proxy = serve([cluster("only", make_backend())], [route("other", "only", host="other.test")])
        error = failure(proxy.peer().Echo, b"")
        assert (error.code(), error.details()) == (CODES.UNIMPLEMENTED, "Not Found")
        entry = proxy.daemon.wait_log(path="/test.Peer/Echo")
        assert (entry["status"], entry["why"], entry["labels"]) == (200, "no_route", {"grpc_status": "12"})

    @pytest.mark.parametrize("status, code", [
        (400, CODES.INTERNAL), (401, CODES.UNAUTHENTICATED), (403, CODES.PERMISSION_DENIED),
        (429, CODES.UNAVAILABLE), (503, CODES.UNAVAILABLE), (500, CODES.UNKNOWN), (451, CODES.UNKNOWN)])
    def test_replies_of_rules(self, serve, status, code):
        proxy = serve([], [{"name": "all", "rules": [{"reply": {"status": status}}]}])
        assert failure(proxy.peer().Echo, b"").code() == code

    def test_a_backend_that_is_gone(self, serve, make_backend):
        backend = make_backend()
        proxy = serve([cluster("only", backend)], [route("all", "only")])
        backend.close()
        error = failure(proxy.peer().Echo, b"")
        assert (error.code(), error.details()) == (CODES.UNAVAILABLE, "Bad Gateway")

    def test_a_body_that_is_too_large(self, serve, make_backend):
        proxy = serve([cluster("only", make_backend())], [route("all", "only")], limits={"body_bytes": 1000})
        assert failure(proxy.peer().Echo, b"x" * 2000).code() == CODES.RESOURCE_EXHAUSTED

    def test_a_rules_time_limit(self, serve, make_raw_backend):
        proxy = serve([cluster("only", make_raw_backend(lambda connection: connection.wait_end()))],
                      [route("all", "only", timeouts={"request_ms": 100})])
        error = failure(proxy.peer().Echo, b"")
        assert (error.code(), error.details()) == (CODES.DEADLINE_EXCEEDED, "Gateway Timeout")

    def test_many_on_one_connection(self, serve):
        proxy = serve([], [{"name": "all", "rules": [{"reply": {"status": 403}}]}])
        peer = proxy.peer()
        calls = [peer.Echo.future(b"", timeout=PATIENCE_S) for _ in range(50)]
        assert {call.code() for call in calls} == {CODES.PERMISSION_DENIED}


@pytest.fixture(params=["plain", "tls"])
def backend(request, authority):
    """A GrpcBackend, and the settings of its cluster."""
    credentials, settings = None, {"protocol": "http2"}
    if request.param == "tls":
        made = authority.make(NAME)
        credentials = grpc.ssl_server_credentials([(made.key.encode(), made.chain.encode())])
        settings["tls"] = {"ca_bundle": authority.root.chain, "server_name": NAME}
    server = GrpcBackend(credentials)
    yield server, settings
    server.close()


class TestToItsBackend:
    @pytest.fixture
    def proxy(self, serve, backend):
        server, settings = backend
        return serve([cluster("only", server, **settings)], [route("all", "only")])

    @pytest.fixture
    def peer(self, proxy):
        return proxy.peer()

    def test_unary(self, peer, proxy):
        assert peer.Echo(b"hello", timeout=PATIENCE_S) == b"hello"
        entry = proxy.daemon.wait_log(path="/test.Peer/Echo")
        assert (entry["status"], entry["labels"]) == (200, {"grpc_status": "0"})
        assert "why" not in entry

    def test_large_messages_and_none(self, peer):
        for size in (0, LARGEST // 2):
            assert peer.Echo(b"x" * size, timeout=PATIENCE_S) == b"x" * size

    def test_metadata(self, peer, backend):
        sent = [("my-text", "a, b"), ("my-many", "1"), ("my-many", "2"), ("my-blob-bin", bytes(range(256)))]
        answer, call = peer.Echo.with_call(b"", metadata=sent, timeout=PATIENCE_S)
        for name, got in (("initial-", call.initial_metadata()), ("trailing-", call.trailing_metadata())):
            assert sorted((k, v) for k, v in got if k.startswith(name)) == sorted((name + k, v) for k, v in sent)

    def test_streams(self, peer):
        assert list(peer.Count(b"100", timeout=PATIENCE_S)) == [b"%d" % i for i in range(100)]
        assert list(peer.Count(b"0", timeout=PATIENCE_S)) == []
        assert peer.Join(iter([b"a", b"", b"c"]), timeout=PATIENCE_S) == b"a,,c"
        assert peer.Join(iter([]), timeout=PATIENCE_S) == b""

    def test_both_directions_at_once(self, peer):
        """Each message is answered before the next one is sent."""
        ready, answered = threading.Semaphore(1), []

        def questions():
            for word in (b"one", b"two", b"three"):
                assert ready.acquire(timeout=PATIENCE_S)
                yield word

        for answer in peer.Talk(questions(), timeout=PATIENCE_S):
            answered.append(answer)
            ready.release()
        assert answered == [b"ONE", b"TWO", b"THREE"]

    def test_who_waits_for_an_answer_is_not_too_slow(self, serve, backend):
        server, settings = backend
        proxy = serve([cluster("only", server, **settings)], [route("all", "only")],
                      limits={"min_body_rate": 1_000_000}, timeouts={"body_rate_grace_ms": 1})
        ready = threading.Semaphore(1)

        def questions():
            for _ in range(100):
                assert ready.acquire(timeout=PATIENCE_S)
                yield b"word"

        for answer in proxy.peer().Talk(questions(), timeout=PATIENCE_S):
            assert answer == b"WORD"
            ready.release()

    def test_a_call_that_is_silent_ends(self, serve, backend):
        server, settings = backend
        proxy = serve([cluster("only", server, **settings)], [route("all", "only")],
                      timeouts={"request_body_idle_ms": 200})
        over = threading.Event()

        def questions():
            yield b"word"
            over.wait(PATIENCE_S)

        call = proxy.peer().Talk(questions(), timeout=PATIENCE_S)
        assert next(call) == b"WORD"
        error = failure(lambda timeout: call)
        over.set()
        assert (error.code(), error.details()) == (CODES.DEADLINE_EXCEEDED, "Request Timeout")
        assert proxy.daemon.wait_log(path="/test.Peer/Talk")["why"] == "request_timeout:body"

    def test_many_at_once(self, peer):
        calls = [peer.Echo.future(b"%d" % i, timeout=PATIENCE_S) for i in range(200)]
        assert [call.result() for call in calls] == [b"%d" % i for i in range(200)]

    def test_a_status_without_a_message(self, peer, proxy):
        error = failure(peer.Fail, b"")
        assert (error.code(), error.details()) == (CODES.NOT_FOUND, "not here: 100% ä")
        assert dict(error.trailing_metadata())["grpc-status-details-bin"] == b"\x08\x05\x00\xff"
        assert proxy.daemon.wait_log(path="/test.Peer/Fail")["labels"] == {"grpc_status": "5"}

    def test_an_unknown_method(self, peer):
        assert failure(peer.Unknown, b"").code() == CODES.UNIMPLEMENTED

    def test_a_status_behind_messages(self, peer):
        call = peer.FailLate(b"", timeout=PATIENCE_S)
        assert next(call) == b"first"
        assert failure(lambda timeout: call).code() == CODES.DATA_LOSS

    def test_the_backend_knows_the_deadline(self, peer, backend):
        server, _ = backend
        assert failure(peer.Hang, b"", timeout=0.3).code() == CODES.DEADLINE_EXCEEDED
        assert server.cancelled.acquire(timeout=PATIENCE_S)

    def test_a_deadline_among_messages(self, peer, backend):
        server, _ = backend
        call = peer.HangLate(b"", timeout=1)
        assert next(call) == b"first"
        assert failure(lambda timeout: call).code() == CODES.DEADLINE_EXCEEDED
        assert server.cancelled.acquire(timeout=PATIENCE_S)

    def test_cancelling_reaches_the_backend(self, peer, backend, proxy):
        server, _ = backend
        call = peer.HangLate(b"", timeout=PATIENCE_S)
        assert next(call) == b"first"
        call.cancel()
        assert server.cancelled.acquire(timeout=PATIENCE_S)
        assert proxy.daemon.wait_log(path="/test.Peer/HangLate")["why"].startswith("client_gone")
        assert peer.Echo(b"next", timeout=PATIENCE_S) == b"next"

    def test_a_backend_that_goes_among_messages(self, peer, backend, proxy):
        server, _ = backend
        call = peer.HangLate(b"", timeout=PATIENCE_S)
        assert next(call) == b"first"
        server.close()
        assert failure(lambda timeout: call).code() in (CODES.UNAVAILABLE, CODES.CANCELLED)
