"""What becomes of connections that are passed on when the configuration changes or the daemon stops."""

import signal
import socket

import pytest

from support.config_file import cluster, write_config
from support.http_client import RawClient
from support.stream_hosts import NAMES, open_one
from support.streams import (ask_tcp, change, echo, greeting, is_reset, read_all, read_exactly, single_stream, stream,
                             streams)
from support.tls_client import HandshakeFailed
from support.waiting import eventually

HOUR_MS = 3_600_000


def test_changes_leave_running_connections_alone(start, tmp_path, make_raw_backend):
    old, new = make_raw_backend(greeting(b"o")), make_raw_backend(greeting(b"n"))
    clusters = [cluster("old", old), cluster("new", new)]
    config = streams(clusters, [stream("all", "old", idle_timeout_ms=HOUR_MS)])
    path = write_config(tmp_path / "config", config)
    proxy = start("--config", path, "--workers", "1").wait_ready()
    with RawClient(proxy.address("tcp")) as running:
        assert read_exactly(running, 1) == b"o"
        # Another target, another limit; then another listener, and the route and the cluster go.
        change(path, streams(clusters, [stream("all", "new", idle_timeout_ms=50, max_connections=1)]))
        proxy.wait_adopted(2)
        assert ask_tcp(proxy) is None  # the running one counts
        change(path, streams(clusters, [stream("all", "new", max_connections=2)]))
        proxy.wait_adopted(3)
        assert ask_tcp(proxy) == b"nhello"
        change(path, streams([cluster("new", new)], [stream("other", "new", listener="second")],
                             [{"name": "second", "address": f"unix:{tmp_path}/second"}]))
        proxy.wait_adopted(4)
        with RawClient(f"unix:{tmp_path}/second") as client:
            assert read_exactly(client, 1) == b"n"
        running.send(b"still here")
        assert read_exactly(running, 10) == b"still here"
        # Old configurations are not kept for it.
        eventually(lambda: proxy.metric('proxyd_snapshot_views{worker="0"}') == 1, "one view")
        running.sock.shutdown(socket.SHUT_WR)
        assert read_all(running) == b""
    assert proxy.wait_log(upstream=f"127.0.0.1:{old.port}")["route"] == "all"


def test_a_listener_may_become_http_and_come_back(start, tmp_path, make_raw_backend, make_backend):
    backend = make_backend(None)
    raw = make_raw_backend(echo)
    clusters = [cluster("raw", raw), cluster("http", backend)]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    listeners = [{"name": "tcp", "address": "127.0.0.1", "port": port}]
    http = {"version": 1, "listeners": listeners, "clusters": clusters,
            "routes": [{"name": "all", "rules": [{"backends": [{"cluster": "http"}]}]}]}
    path = write_config(tmp_path / "config", streams(clusters, [stream("all", "raw")], listeners))
    proxy = start("--config", path, "--workers", "1").wait_ready()
    assert ask_tcp(proxy) == b"hello"
    change(path, http)
    proxy.wait_adopted(2)
    with RawClient(proxy.address("tcp")) as client:
        assert client.request().status == 200
    change(path, streams(clusters, [stream("all", "raw")], listeners))
    proxy.wait_adopted(3)
    assert ask_tcp(proxy) == b"hello"


def test_connections_have_the_time_of_tunnels_when_it_stops(start, tmp_path, make_raw_backend):
    path = write_config(tmp_path / "config", single_stream(make_raw_backend(greeting(b"x"))))
    proxy = start("--config", path, "--workers", "1", "--tunnel-drain-timeout", "300ms").wait_ready()
    with RawClient(proxy.address("tcp")) as client:
        assert read_exactly(client, 1) == b"x"
        proxy.signal(signal.SIGTERM)
        assert is_reset(client)
    assert proxy.wait_exit() == 0
    assert proxy.wait_log(route="all")["why"] == "drain"


def test_it_stops_at_once_when_they_have_ended(start, tmp_path, make_raw_backend):
    path = write_config(tmp_path / "config", single_stream(make_raw_backend(echo)))
    proxy = start("--config", path, "--workers", "1", "--tunnel-drain-timeout", "1h").wait_ready()
    with RawClient(proxy.address("tcp")) as client:
        client.send(b"x")
        assert read_exactly(client, 1) == b"x"
        proxy.signal(signal.SIGTERM)
        client.send(b"y")
        assert read_exactly(client, 1) == b"y"
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    assert proxy.wait_exit() == 0


def test_routes_change_under_running_connections(start, tmp_path, own, plain, authority):
    certificates = [authority.make(name).config(name, name) for name in NAMES[1:]]
    listeners = [{"name": "tls", "address": "127.0.0.1", "tls": {}}]
    clusters = [cluster("own", own), cluster("plain", plain)]

    def with_routes(*routes):
        return streams(clusters, list(routes), listeners, certificates=certificates)

    path = write_config(tmp_path / "config", with_routes(stream("own", "own", "tls", "passthrough", ["own.test"])))
    proxy = start("--config", path, "--workers", "1").wait_ready()
    with open_one(proxy, authority, "own.test") as first:
        assert first.read_exactly(4) == b"own "
        write_config(tmp_path / "config", with_routes(
            stream("mqtt", "plain", "tls", "terminate", ["mqtt.test"])))
        proxy.wait_adopted(2)
        with open_one(proxy, authority, "mqtt.test") as second:
            assert second.read_exactly(6) == b"plain "
            with pytest.raises(HandshakeFailed):
                open_one(proxy, authority, "own.test")
            write_config(tmp_path / "config", with_routes())
            proxy.wait_adopted(3)
            for client in (first, second):
                client.send(b"still here")
                assert client.read_exactly(10) == b"still here"
            eventually(lambda: proxy.metric('proxyd_snapshot_views{worker="0"}') == 1, "one view")
