"""Upgraded connections (RFC 9110 7.8) over real sockets: 101, then bytes both ways until both have ended."""

import hashlib
import signal
import socket
import threading

import pytest

from support.config_file import cluster, config, route, single, write_config
from support.http_client import request_bytes
from support.waiting import eventually

ASK = [("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Key", "a2V5")]
SWITCH = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: yes\r\n\r\n")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def echo(connection):
    """Accepts every upgrade, sends back what comes, and ends when the client has."""
    while head := connection.read_head():
        if head.header("upgrade") is None:
            connection.send(OK)
            continue
        connection.send(SWITCH)
        while data := connection.stream.read1(65536):
            connection.send(data)
        connection.sock.shutdown(socket.SHUT_WR)
        return


@pytest.fixture
def proxy(serve, make_raw_backend):
    return serve(make_raw_backend(echo))


def upgrade(proxy, behind=b"", target="/chat"):
    """A client whose connection is a tunnel. `behind` is sent with the request."""
    client = proxy.connect()
    client.send(request_bytes(target=target, headers=ASK) + behind)
    response = client.read_response()
    assert (response.status, response.header("upgrade")) == (101, "websocket")
    assert response.header("connection").lower() == "upgrade"
    assert response.header("sec-websocket-accept") == "yes"
    assert response.header("content-length") is None
    return client


def read_all(client):
    data = client.unread
    while piece := client.sock.recv(1 << 20):
        data += piece
    return data


def test_bytes_go_both_ways_and_the_ends_are_passed_on(proxy):
    with upgrade(proxy) as client:
        for text in (b"hello", b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            client.send(text)
            assert client.read_exactly(len(text)) == text
        assert proxy.metric("proxyd_tunnels_open") == 1
        assert proxy.metric("proxyd_requests_active") == 0
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    entry = proxy.wait_log(status=101)
    assert (entry["path"], entry["why"], entry["cluster"]) == ("/chat", "tunnel:client_closed", "only")
    assert entry["bytes_in"] == entry["bytes_out"] == 5 + 6 + 18
    assert proxy.metric("proxyd_tunnels_open") == 0
    assert proxy.metric("proxyd_tunnels_total") == 1
    assert proxy.metric('proxyd_requests_total{class="1xx"}') == 1
    assert proxy.metric("proxyd_tunnel_client_bytes_total") == 29
    assert proxy.metric("proxyd_tunnel_backend_bytes_total") == 29


def test_bytes_behind_the_request_are_for_the_backend_once_it_agrees(proxy):
    with upgrade(proxy, behind=request_bytes(target="/smuggled")) as client:
        text = request_bytes(target="/smuggled")
        assert client.read_exactly(len(text)) == text
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    proxy.wait_log(path="/chat")
    assert len(proxy.log_entries()) == 1


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "426 Upgrade Required"])
def test_refused_upgrade_stays_plain_http(serve, make_raw_backend, status):
    seen = []

    def refuse(connection):
        while head := connection.read_head():
            seen.append((head.target, head.header("upgrade"), head.header("connection")))
            connection.send(b"HTTP/1.1 " + status.encode() + b"\r\nContent-Length: 3\r\n\r\nno\n")

    backend = make_raw_backend(refuse)
    proxy = serve(backend)
    with proxy.connect() as client:
        client.send(request_bytes(target="/chat", headers=ASK) + request_bytes(target="/next"))
        for _ in range(2):
            response = client.read_response()
            assert (response.status, response.body) == (int(status[:3]), b"no\n")
        assert client.request(target="/third").body == b"no\n"
    assert seen == [("/chat", "websocket", "Upgrade"), ("/next", None, None), ("/third", None, None)]
    assert backend.num_connections == 1
    assert proxy.metric("proxyd_tunnels_total") == 0


def test_unasked_or_wrong_101_is_a_bad_response(serve, make_raw_backend):
    def switch(connection):
        connection.read_head()
        connection.send(SWITCH + b"evil")
        connection.wait_end()

    proxy = serve(make_raw_backend(switch))
    asks = [([], "unexpected_101"), ([("Connection", "Upgrade"), ("Upgrade", "h2c")], "unexpected_101"),
            ([("Upgrade", "websocket")], "unexpected_101"),
            ([("Connection", "Upgrade"), ("Upgrade", "chat")], "bad_101")]
    for number, (headers, detail) in enumerate(asks):
        with proxy.connect() as client:
            response = client.request(target=f"/{number}", headers=headers)
            assert response.status == 502 and b"evil" not in response.body, headers
            assert proxy.wait_log(path=f"/{number}")["why"] == "bad_response:" + detail
            assert client.request(target="/again").status == 502  # the client's connection is none the worse
    assert proxy.metric("proxyd_tunnels_total") == 0


def test_backend_ends_first_and_the_client_goes_on_sending(serve, make_raw_backend):
    got = []

    def say_bye(connection):
        connection.read_head()
        connection.send(SWITCH + b"bye")
        connection.sock.shutdown(socket.SHUT_WR)
        got.append(connection.wait_end())

    proxy = serve(make_raw_backend(say_bye))
    with upgrade(proxy) as client:
        assert read_all(client) == b"bye"
        client.send(b"last words")
        client.sock.shutdown(socket.SHUT_WR)
        assert proxy.wait_log(status=101)["why"] == "tunnel:backend_closed"
    eventually(lambda: got == [b"last words"], "the backend to have it all")


def test_ten_megabytes_each_way_at_once(proxy):
    size = 10 * 1024 * 1024
    block = bytes(range(256)) * 4096
    with upgrade(proxy) as client:
        received = hashlib.sha256()

        def read():
            missing = size
            while missing > 0 and (piece := client.sock.recv(1 << 20)):
                received.update(piece)
                missing -= len(piece)

        reader = threading.Thread(target=read)
        reader.start()
        sent = hashlib.sha256()
        for _ in range(size // len(block)):
            client.send(block)
            sent.update(block)
        reader.join(120)
        assert not reader.is_alive()
        assert received.digest() == sent.digest()
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    entry = proxy.wait_log(status=101)
    assert entry["bytes_in"] == entry["bytes_out"] == size


def test_a_side_that_breaks_breaks_the_other(serve, make_raw_backend):
    ends = []

    def wait(connection):
        head = connection.read_head()
        connection.send(SWITCH)
        if head.target == "/reset":
            connection.stream.read(2)
            connection.reset()
            return
        try:
            ends.append(connection.sock.recv(1))
        except ConnectionResetError:
            ends.append("reset")

    proxy = serve(make_raw_backend(wait))
    with upgrade(proxy, target="/reset") as client:
        client.send(b"go")
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    assert proxy.wait_log(path="/reset")["why"] == "tunnel:backend_reset"
    client = upgrade(proxy, target="/client")
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    client.close()
    assert proxy.wait_log(path="/client")["why"] == "tunnel:client_reset"
    eventually(lambda: ends == ["reset"], "the backend to see it")


def test_a_tunnel_that_rests_is_closed_and_limits_of_requests_do_not_count(serve, make_raw_backend):
    timeouts = {"request_ms": 300, "backend_request_ms": 300, "tunnel_idle_ms": 1500}
    backend = make_raw_backend(echo)
    value = config([cluster("only", backend, timeouts={"response_body_idle_ms": 300, "response_head_ms": 300})],
                   [route("all", "only", timeouts=timeouts)],
                   timeouts={"request_body_idle_ms": 300, "write_idle_ms": 300, "keep_alive_idle_ms": 300})
    proxy = serve(value)
    with upgrade(proxy) as client:
        assert not client.unread
        with pytest.raises(ConnectionResetError):
            client.sock.recv(1)
    entry = proxy.wait_log(status=101)
    assert entry["why"] == "tunnel:idle"
    assert entry["duration_ms"] >= 1500


def test_a_tunnel_is_a_request_of_its_cluster_until_it_ends(serve, make_raw_backend):
    proxy = serve(make_raw_backend(echo), {"circuit_breakers": {"max_requests": 1}})
    with upgrade(proxy) as client:
        assert proxy.ask(target="/beyond").status == 503
        assert proxy.wait_log(path="/beyond")["why"] == "circuit_open:max_requests"
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
    proxy.wait_log(status=101)
    assert proxy.ask(target="/within").status == 200


def serve_with(start, make_raw_backend, tmp_path, *args):
    file = write_config(tmp_path / "config", single(make_raw_backend(echo)))
    return start("--config", file, "--workers", "1", *args).wait_ready()


def test_sigterm_leaves_tunnels_their_time(start, make_raw_backend, tmp_path):
    proxy = serve_with(start, make_raw_backend, tmp_path, "--drain-timeout", "100ms", "--tunnel-drain-timeout", "1h")
    with upgrade(proxy) as client, proxy.connect() as idle:
        idle.request(target="/plain")
        proxy.signal(signal.SIGTERM)
        assert idle.is_closed_by_peer()
        client.send(b"still here")
        assert client.read_exactly(10) == b"still here"
        assert proxy.process.poll() is None
        client.sock.shutdown(socket.SHUT_WR)
        assert read_all(client) == b""
        assert proxy.wait_exit() == 0
    assert proxy.log_entries()[-1]["why"] == "tunnel:client_closed"


def test_sigterm_closes_tunnels_when_their_time_is_over(start, make_raw_backend, tmp_path):
    proxy = serve_with(start, make_raw_backend, tmp_path, "--drain-timeout", "1h", "--tunnel-drain-timeout", "100ms")
    with upgrade(proxy) as client:
        client.send(b"hello")
        assert client.read_exactly(5) == b"hello"
        proxy.signal(signal.SIGTERM)
        assert client.is_closed_by_peer()
        assert proxy.wait_exit() == 0
    entry = proxy.log_entries()[-1]
    assert (entry["status"], entry["why"], entry["bytes_in"]) == (101, "tunnel:drain", 5)


def test_a_new_configuration_leaves_tunnels_alone(start, make_raw_backend, tmp_path):
    proxy = serve_with(start, make_raw_backend, tmp_path)
    with upgrade(proxy) as client:
        write_config(tmp_path / "config", config([], []))
        proxy.signal(signal.SIGHUP)
        proxy.wait_answer("example.com", "/gone", 404)
        client.send(b"still")
        assert client.read_exactly(5) == b"still"
        worker = proxy.page("/generation")["workers"][0]
        assert worker["views"] == 1
