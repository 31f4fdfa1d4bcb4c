"""TCP connections that are passed on byte by byte."""

import hashlib
import os
import socket
import threading

import pytest

from support.config_file import cluster, write_config
from support.http_client import RawClient
from support.streams import ask_tcp, echo, greeting, is_reset, read_all, read_exactly, single_stream, stream, streams
from support.waiting import eventually

REFUSED = 'proxyd_stream_refused_total{why="%s"}'
HOUR_MS = 3_600_000


@pytest.fixture
def pass_on(serve):
    """pass_on(config): proxyd with one worker."""
    return serve


@pytest.fixture
def dead_port():
    """Nobody listens there, and nobody else will."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_bytes_go_both_ways_and_are_counted(pass_on, make_raw_backend):
    backend = make_raw_backend(echo)
    proxy = pass_on(single_stream(backend))
    with RawClient(proxy.address("tcp")) as client:
        for text in (b"hello", b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            client.send(text)
            assert read_exactly(client, len(text)) == text
        proxy.wait_metric("proxyd_stream_connections_open", 1)
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    entry = proxy.wait_log(route="all")
    assert {name: entry[name] for name in ("client", "listener", "protocol", "bytes_in", "bytes_out", "cluster",
                                           "upstream")} == {
        "client": "127.0.0.1", "listener": "tcp", "protocol": "tcp", "bytes_in": 29, "bytes_out": 29,
        "cluster": "only", "upstream": f"127.0.0.1:{backend.port}"}
    assert "why" not in entry and "server_name" not in entry and entry["duration_ms"] >= 0
    proxy.wait_metric("proxyd_stream_connections_open", 0)
    assert proxy.metric("proxyd_stream_connections_total") == 1
    assert proxy.metric("proxyd_stream_client_bytes_total") == proxy.metric("proxyd_stream_backend_bytes_total") == 29
    proxy.wait_metric("proxyd_connections_open", 0)


def test_a_backend_may_speak_first(pass_on, make_raw_backend):
    proxy = pass_on(single_stream(make_raw_backend(greeting(b"220 ready\r\n"))))
    with RawClient(proxy.address("tcp")) as client:
        assert read_exactly(client, 11) == b"220 ready\r\n"


def test_much_goes_both_ways_at_once(pass_on, make_raw_backend):
    block, number = os.urandom(1 << 20), 24
    proxy = pass_on(single_stream(make_raw_backend(echo)))
    with RawClient(proxy.address("tcp")) as client:
        def send():
            for _ in range(number):
                client.send(block)
            client.sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        got = hashlib.sha256(read_all(client)).digest()
        sender.join()
    assert got == hashlib.sha256(block * number).digest()
    assert proxy.wait_log(route="all")["bytes_out"] == number << 20


def test_who_does_not_read_holds_the_other_side_up(pass_on, make_raw_backend):
    """A client that never reads: the backend gets stuck long before it has sent 64 MB."""
    sent, stuck, release = [0], threading.Event(), threading.Event()

    def flood(connection):
        connection.sock.settimeout(1)
        try:
            while sent[0] < 64 << 20:
                sent[0] += connection.sock.send(bytes(1 << 16))
        except socket.timeout:
            stuck.set()
        release.wait(30)

    proxy = pass_on(single_stream(make_raw_backend(flood)))
    with RawClient(proxy.address("tcp")):
        assert stuck.wait(30)
        release.set()
    assert sent[0] < 48 << 20


def test_each_side_may_end_first(pass_on, make_raw_backend):
    def upper(connection):  # answers only when the client has ended
        data = connection.wait_end()
        connection.send(data.upper())

    def short(connection):  # ends at once, and hears the client out
        connection.send(b"bye")
        connection.sock.shutdown(socket.SHUT_WR)
        got.append(connection.wait_end())

    got = []
    first, second = make_raw_backend(upper), make_raw_backend(short)
    proxy = pass_on(streams([cluster("upper", first), cluster("short", second)],
                            [stream("upper", "upper"), stream("short", "short", listener="other")],
                            [{"name": "tcp", "address": "127.0.0.1"}, {"name": "other", "address": "127.0.0.1"}]))
    assert ask_tcp(proxy, b"question") == b"QUESTION"
    with RawClient(proxy.address("other")) as client:
        assert read_all(client) == b"bye"
        client.send(b"late words")
        client.sock.shutdown(socket.SHUT_WR)
        eventually(lambda: got == [b"late words"], "the backend to hear the rest")
    assert "why" not in proxy.wait_log(route="short") and "why" not in proxy.wait_log(route="upper")


@pytest.mark.parametrize("side", ["client", "backend"])
def test_a_reset_is_passed_on(pass_on, make_raw_backend, side):
    ended = []

    def serve(connection):
        connection.send(b"x")
        if side == "backend":
            connection.sock.recv(1)
            return connection.reset()
        try:
            connection.sock.recv(1)
        except ConnectionResetError:
            ended.append("reset")

    proxy = pass_on(single_stream(make_raw_backend(serve)))
    with RawClient(proxy.address("tcp")) as client:
        assert read_exactly(client, 1) == b"x"
        if side == "client":
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            client.close()
            eventually(lambda: ended == ["reset"], "the backend to see the reset")
        else:
            client.send(b"y")
            assert is_reset(client)
    assert proxy.wait_log(route="all")["why"].startswith(side + "_reset")


def test_the_next_endpoint_is_tried_and_nothing_is_lost(pass_on, make_raw_backend, dead_port):
    backend = make_raw_backend(echo)
    proxy = pass_on(single_stream([("127.0.0.1", dead_port), backend]))
    for _ in range(4):
        assert ask_tcp(proxy, b"precious") == b"precious"
    assert proxy.metric("proxyd_stream_retries_total") >= 1
    assert all(entry["upstream"] == f"127.0.0.1:{backend.port}" for entry in proxy.log_entries() if "route" in entry)


def test_without_a_backend_the_connection_is_closed(pass_on, dead_port):
    answered = {"cluster": "gone", "weight": 1, "failure": {"status": 500, "why": "no_such_service"}}
    listeners = [{"name": name, "address": "127.0.0.1"} for name in ("dead", "empty", "none", "failing")]
    proxy = pass_on(streams([cluster("dead", ("127.0.0.1", dead_port)), cluster("empty")],
                            [stream("dead", "dead", "dead"), stream("empty", "empty", "empty"),
                             stream("none", [], "none"), stream("failing", [answered], "failing")], listeners))
    whys = {"dead": "connect_failed", "empty": "no_endpoints", "none": "no_backends",
            "failing": "no_backends:no_such_service"}
    for name, why in whys.items():
        assert ask_tcp(proxy, listener=name) is None
        entry = proxy.wait_log(route=name)
        assert entry["why"].startswith(why) and entry["bytes_in"] == entry["bytes_out"] == 0
    for why, number in (("connect_failed", 1), ("no_endpoints", 1), ("no_backends", 2)):
        proxy.wait_metric(REFUSED % why, number)
    assert proxy.metric("proxyd_stream_connections_total") == 0


def test_a_connection_on_which_nothing_moves_is_reset(pass_on, make_raw_backend):
    ended = threading.Event()

    def serve(connection):
        connection.send(b"x")
        try:
            connection.sock.recv(1)
        except ConnectionResetError:
            ended.set()

    proxy = pass_on(single_stream(make_raw_backend(serve), route_settings={"idle_timeout_ms": 200}))
    with RawClient(proxy.address("tcp")) as client:
        assert read_exactly(client, 1) == b"x"
        assert is_reset(client)
    assert ended.wait(30)
    entry = proxy.wait_log(route="all")
    assert entry["why"] == "idle_timeout" and entry["duration_ms"] >= 200


def test_no_more_connections_than_the_route_has(start, tmp_path, make_raw_backend):
    """In the whole process, whatever worker they come to."""
    value = single_stream(make_raw_backend(greeting(b"x")), route_settings={"max_connections": 3})
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "3").wait_ready()
    open_ones = [RawClient(proxy.address("tcp")) for _ in range(3)]
    for client in open_ones:
        assert read_exactly(client, 1) == b"x"
    for number in range(1, 7):
        assert ask_tcp(proxy) is None
        proxy.wait_metric(REFUSED % "max_connections", number)
    assert proxy.wait_log(why="max_connections")["route"] == "all"
    open_ones.pop().close()
    proxy.wait_metric("proxyd_stream_connections_open", 2)
    assert ask_tcp(proxy) == b"xhello"
    for client in open_ones:
        client.close()


def test_the_breaker_of_the_cluster_counts_them(pass_on, make_raw_backend):
    backend = make_raw_backend(greeting(b"x"))
    proxy = pass_on(single_stream(backend, {"circuit_breakers": {"max_connections": 1}}))
    with RawClient(proxy.address("tcp")) as client:
        assert read_exactly(client, 1) == b"x"
        assert ask_tcp(proxy) is None
        proxy.wait_metric(REFUSED % "circuit_open", 1)
    proxy.wait_metric("proxyd_stream_connections_open", 0)
    assert ask_tcp(proxy) == b"xhello"


def test_shares_are_kept(pass_on, make_raw_backend):
    many, few = make_raw_backend(greeting(b"m")), make_raw_backend(greeting(b"f"))
    backends = [{"cluster": "many", "weight": 3}, {"cluster": "few", "weight": 1}]
    proxy = pass_on(streams([cluster("many", many), cluster("few", few)], [stream("all", backends)]))
    answers = [ask_tcp(proxy)[:1] for _ in range(40)]
    assert abs(answers.count(b"m") - 30) <= 2 and abs(answers.count(b"f") - 10) <= 2


def test_a_client_keeps_its_endpoint_by_its_address(pass_on, make_raw_backend):
    backends = [make_raw_backend(greeting(bytes([letter]))) for letter in b"abcd"]
    hashing = {"load_balancing": "consistent_hash", "consistent_hash": {"source": "client_address"}}
    proxy = pass_on(single_stream(backends, hashing))
    assert len({ask_tcp(proxy) for _ in range(12)}) == 1


def test_a_health_check_takes_an_endpoint_out_as_for_http(pass_on, make_raw_backend):
    """Passive health: an endpoint that nobody can connect to is ejected."""
    outlier = {"consecutive_gateway_failure": 1, "base_ejection_time_ms": HOUR_MS, "max_ejection_time_ms": HOUR_MS,
               "max_ejection_percent": 100}
    backend = make_raw_backend(echo)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        dead = ("127.0.0.1", taken.getsockname()[1])
        proxy = pass_on(single_stream([dead, backend], {"outlier_detection": outlier}))
        eventually(lambda: ask_tcp(proxy) == b"hello" and
                   proxy.metric('proxyd_endpoints{cluster="only",state="ejected"}') == 1, "the ejection")
        before = proxy.metric("proxyd_stream_retries_total")
        for _ in range(6):
            assert ask_tcp(proxy) == b"hello"
        assert proxy.metric("proxyd_stream_retries_total") == before


def test_proxy_headers_come_in_and_go_out(pass_on, make_raw_backend):
    seen = []

    def serve(connection):
        seen.append(connection.stream.readline())
        connection.send(connection.stream.read())

    proxy = pass_on(single_stream(make_raw_backend(serve), {"proxy_protocol": "v1"},
                                  proxy_protocol={"senders": ["127.0.0.0/8"]}))
    header = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
    assert ask_tcp(proxy, header + b"words") == b"words"  # in one segment
    assert ask_tcp(proxy, header[:20]) is None
    with RawClient(proxy.address("tcp")) as client:
        for byte in header + b"more":
            client.send(bytes([byte]))
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b"more"
    assert seen == [header, header]
    entry = proxy.wait_log(route="all")
    assert (entry["client"], entry["client_port"], entry["bytes_in"]) == ("192.0.2.7", 56324, 5)


def test_without_a_header_in_the_backend_gets_the_peer(pass_on, make_raw_backend):
    def serve(connection):
        connection.send(connection.stream.readline())

    proxy = pass_on(single_stream(make_raw_backend(serve), {"proxy_protocol": "v1"}))
    with RawClient(proxy.address("tcp")) as client:
        port = client.sock.getsockname()[1]
        there = proxy.address("tcp").rsplit(":", 1)[1]
        assert read_all(client) == f"PROXY TCP4 127.0.0.1 127.0.0.1 {port} {there}\r\n".encode()


def test_a_unix_socket_is_passed_on_too(pass_on, make_raw_backend, tmp_path):
    proxy = pass_on(single_stream(make_raw_backend(echo), address=f"unix:{tmp_path}/s"))
    assert ask_tcp(proxy) == b"hello"
    assert proxy.wait_log(route="all")["client"] == "unix"
