"""HTTP/1 over TLS: every byte arrives however records cut it, and each end says whether it is one."""

import hashlib
import os
import socket
import threading

import pytest

from support.backend import ok
from support.http_client import request_bytes
from support.resources import open_socket, user_bytes, wait_steady
from support.tls_client import CLOSE_NOTIFY, VERSIONS, TlsClient, TlsSocket, client_context
from support.waiting import eventually

MEGABYTE = 1 << 20
SIZE = 10 * MEGABYTE
BODY = b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(SIZE // 32))  # no two parts are the same


def connect(proxy, version=None):
    return TlsClient(proxy.http, client_context(versions=version and VERSIONS[version]), "a.test")


def get(target="/", **kwargs):
    return request_bytes(target=target, host="a.test", **kwargs)


def echo(conversation):
    conversation.send(ok(conversation.request.body))


def echo_target(conversation):
    conversation.send(ok(conversation.request.target))


@pytest.mark.parametrize("version", VERSIONS)
def test_many_requests_on_one_connection_say_https_to_the_backend(serve_tls, make_backend, version):
    backend = make_backend(echo_target)
    proxy = serve_tls(backend=backend)
    with connect(proxy, version) as client:
        for number in range(500):
            assert client.request(target=f"/{number}", host="a.test").text == f"/{number}"
        assert client.request(target="/port", host="a.test:8443").text == "/port"
        spoofed = [("X-Forwarded-Proto", "http"), ("X-Forwarded-Port", "80")]
        assert client.request(target="/spoof", host="a.test", headers=spoofed).text == "/spoof"
    requests = backend.wait_requests(502)
    assert {request.header("X-Forwarded-Proto") for request in requests} == {"https"}
    assert {request.header("X-Forwarded-Port") for request in requests[:500]} == {"443"}
    assert [request.header("X-Forwarded-Port") for request in requests[500:]] == ["8443", "443"]
    assert proxy.metric("proxyd_tls_handshakes_total") == 1


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("framing", ["length", "chunked", "until-close"])
def test_ten_megabytes_down(serve_tls, make_backend, version, framing):
    head = {"length": f"Content-Length: {SIZE}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "until-close": ""}

    def answer(conversation):
        conversation.send(f"HTTP/1.1 200 OK\r\n{head[framing]}\r\n".encode())
        for at in range(0, SIZE, 77_777):
            piece = BODY[at:at + 77_777]
            conversation.send(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
        if framing == "chunked":
            conversation.send(b"0\r\n\r\n")
        if framing == "until-close":
            conversation.close()

    proxy = serve_tls(backend=make_backend(answer))
    with connect(proxy, version) as client:
        answered = client.request(host="a.test")
        assert answered.is_whole and answered.body == BODY
        assert framing == "until-close" or client.request(host="a.test").body == BODY


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_ten_megabytes_up(serve_tls, make_backend, version, framing):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend)
    with connect(proxy, version) as client:
        for _ in range(2):
            if framing == "length":
                client.send(request_bytes("POST", host="a.test", body=BODY))
            else:
                client.send(request_bytes("POST", host="a.test", headers=[("Transfer-Encoding", "chunked")]))
                for at in range(0, SIZE, 77_777):
                    piece = BODY[at:at + 77_777]
                    client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
                client.send(b"0\r\n\r\n")
            assert client.read_response().status == 200
    assert [request.body == BODY for request in backend.requests] == [True, True]


@pytest.mark.parametrize("size", [1, 100, 16384])
def test_bodies_in_records_of_any_size(serve_tls, make_backend, size):
    body = BODY[:20_000 * min(size, 50)]
    proxy = serve_tls(backend=make_backend(echo))
    with connect(proxy) as client:
        client.send_records(request_bytes("POST", host="a.test", body=body), size)
        assert client.read_response().body == body
        client.send_records(request_bytes("POST", host="a.test", body=body), size)
        assert client.read_response().body == body


@pytest.mark.parametrize("version", VERSIONS)
def test_a_request_cut_at_every_byte(serve_tls, make_backend, version):
    request = request_bytes("POST", "/cut", host="a.test", body=b"hello")
    proxy = serve_tls(backend=make_backend(echo))
    with connect(proxy, version) as client:
        for cut in range(1, len(request)):
            records = [client.sock.encrypt(request[:cut]), client.sock.encrypt(request[cut:])]
            client.sock.raw.sendall(b"".join(records))  # read at once
            assert client.read_response().body == b"hello"
            client.send(request[:cut])
            client.send(request[cut:])
            assert client.read_response().body == b"hello"
        client.send_records(request, 1)
        assert client.read_response().body == b"hello"


def test_records_cut_at_every_byte_by_the_network(serve_tls, make_backend):
    proxy = serve_tls(backend=make_backend(echo))
    with connect(proxy) as client:
        record = client.sock.encrypt(request_bytes("POST", host="a.test", body=b"hello"))
        for i in range(len(record)):
            client.sock.raw.sendall(record[i:i + 1])
        assert client.read_response().body == b"hello"


def test_pipelined_requests_in_one_record(serve_tls, make_backend):
    proxy = serve_tls(backend=make_backend(echo_target))
    targets = [f"/{i}" for i in range(100)]
    with connect(proxy) as client:
        client.send_records(b"".join(get(target) for target in targets), 16384)
        assert [client.read_response().text for _ in targets] == targets


# How a client ends its direction: with close_notify (RFC 8446 6.1), with that and the end of the stream, or with the
# latter alone, as many do.
ENDS = {"notify": lambda client: client.sock.say_close(), "notify-and-fin": lambda client: client.sock.shutdown(1),
        "fin": lambda client: client.sock.raw.shutdown(socket.SHUT_WR)}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_has_ended_is_still_answered(serve_tls, make_backend, version, end):
    def answer(conversation):
        conversation.send(ok(BODY))

    proxy = serve_tls(backend=make_backend(answer))
    with connect(proxy, version) as client:
        client.send(get())
        ENDS[end](client)
        assert client.read_response().body == BODY
        assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY
    proxy.wait_log(status=200)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_end_in_the_same_write_as_the_request_is_seen(serve_tls, make_backend, version):
    """The answer comes, and then our end: there is no other request to wait for."""
    proxy = serve_tls(backend=make_backend(echo))
    for data in (get(), get() + get(), request_bytes("POST", host="a.test", body=BODY[:300_000])):
        with connect(proxy, version) as client:
            client.sock.send_and_say_close(data)
            client.read_to_end()
            assert client.sock.end == CLOSE_NOTIFY
    eventually(lambda: proxy.metric("proxyd_connections_open") == 0, "the connections to be gone")
    assert proxy.metric('proxyd_requests_total{class="2xx"}') == 4


@pytest.mark.parametrize("end", ENDS)
def test_a_client_that_ends_within_a_body_has_sent_no_whole_request(serve_tls, make_backend, end):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend)
    with connect(proxy) as client:
        client.send(request_bytes("POST", host="a.test", headers=[("Content-Length", "100")]) + b"half")
        ENDS[end](client)
        assert client.read_response().status == 400
    eventually(lambda: not backend.socks, "the backend's connection to end, if there was one")
    assert backend.requests == []


@pytest.mark.parametrize("end", ENDS)
def test_an_idle_client_that_ends_is_let_go(serve_tls, end):
    proxy = serve_tls()
    with connect(proxy) as client:
        assert client.request(host="a.test").status == 200
        ENDS[end](client)
        assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY
    eventually(lambda: proxy.metric("proxyd_connections_open") == 0, "the connection to be gone")


@pytest.mark.parametrize("version", VERSIONS)
def test_our_ends_come_with_close_notify(serve_tls, make_backend, version):
    def answer_without_length(conversation):
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\nall of it")
        conversation.close()

    proxy = serve_tls(backend=make_backend(answer_without_length), settings={"timeouts": {"request_head_ms": 300}})
    with TlsClient(proxy.http, client_context(versions=VERSIONS[version]), "a.test") as client:
        client.send(request_bytes(host="a.test", version="HTTP/1.0"))
        answer = client.read_to_end()
        assert answer.endswith(b"\r\n\r\nall of it") and client.sock.end == CLOSE_NOTIFY
    for ask in (get(headers=[("Connection", "close")]), b"no request\r\n\r\n"):
        with connect(proxy, version) as client:
            client.send(ask)
            assert client.read_to_end().startswith(b"HTTP/1.1 ") and client.sock.end == CLOSE_NOTIFY
    with connect(proxy, version) as client:  # without a request in its time
        assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY


@pytest.mark.parametrize("head", ["", "Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"])
def test_an_answer_that_was_cut_does_not_end_with_close_notify(serve_tls, make_backend, head):
    """HTTP/1.0 clients cannot tell by anything else."""
    def answer(conversation):
        piece = b"5\r\nhello\r\n" if "chunked" in head else b"hello"
        conversation.send(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + piece)
        assert seen.wait(30)
        conversation.reset()

    seen = threading.Event()
    proxy = serve_tls(backend=make_backend(answer))
    with connect(proxy) as client:
        client.send(request_bytes(host="a.test", version="HTTP/1.0"))
        client.read_head()
        assert client.read_exactly(5) == b"hello"
        seen.set()
        client.read_to_end()
        assert client.sock.end in ("torn", "reset")


def test_a_backend_that_does_not_read_holds_up_the_client(serve_tls, make_raw_backend):
    """Then all of it arrives: what waits decrypted here is not forgotten when reading goes on."""
    begun, may_read, got = threading.Event(), threading.Event(), hashlib.sha256()

    def read_late(connection):
        connection.read_head()
        begun.set()
        assert may_read.wait(30)
        missing = SIZE
        while missing > 0 and (piece := connection.stream.read1(1 << 20)):
            got.update(piece)
            missing -= len(piece)
        connection.send(ok())

    def send_all(client):
        for at in range(0, SIZE, 99_999):
            client.send(BODY[at:at + 99_999])
            num_sent.append(1)

    proxy, num_sent = serve_tls(backend=make_raw_backend(read_late)), []
    with connect(proxy) as client:
        client.sock.raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        client.send(request_bytes("POST", host="a.test", headers=[("Content-Length", str(SIZE))]))
        assert begun.wait(30)
        sender = threading.Thread(target=send_all, args=(client,), daemon=True)
        sender.start()
        num_waiting = wait_steady(lambda: len(num_sent))
        assert num_waiting * 99_999 < SIZE, "it is held up"
        may_read.set()
        sender.join(30)
        assert client.read_response().status == 200
    assert got.digest() == hashlib.sha256(BODY).digest()


@pytest.mark.skipif(bool(os.environ.get("INGRESS_SANITIZE")), reason="an instrumented daemon's memory says nothing")
def test_slow_readers_of_a_huge_answer_cost_320_kb_each_at_most(serve_tls, make_raw_backend):
    """As without TLS (test_resources.py), and 64 KB for keys and records."""
    num_readers, bound_bytes = 16, 320 * 1024
    num_sent = []

    def answer(connection):
        if connection.read_head() is None:
            return
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            connection.send(BODY[:65536])
            num_sent.append(1)

    proxy = serve_tls(backend=make_raw_backend(answer))
    before = user_bytes(proxy.serving)
    raws = [open_socket(proxy.http, receive_bytes=65536) for _ in range(num_readers)]
    clients = [TlsSocket(raw, client_context(), "a.test") for raw in raws]
    try:
        for client in clients:
            client.handshake()
            client.sendall(get())
        sent, costs = wait_steady(lambda: len(num_sent)), []
        for _ in range(4):
            costs.append((user_bytes(proxy.serving) - before) / num_readers)
            for client in clients:
                missing = 64 * 65536
                while missing > 0:
                    missing -= len(client.recv(65536))
            now = wait_steady(lambda: len(num_sent))
            assert now > sent, "a reader that reads on is sent more"
            sent = now
        costs.append((user_bytes(proxy.serving) - before) / num_readers)
    finally:
        for raw in raws:
            raw.close()
    print(f"\n{max(costs) / 1024:.0f} KB a slow reader over TLS")
    assert max(costs) <= bound_bytes
