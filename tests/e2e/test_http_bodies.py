"""Large bodies and slow peers: every byte arrives, and memory stays bounded whoever does not read."""

import hashlib
import socket
import threading

import pytest

from support.backend import ok
from support.http_client import request_bytes
from support.waiting import eventually

MEGABYTE = 1 << 20
LARGE = 32 * MEGABYTE


def make_pattern():
    """1 MiB whose parts all differ, so that a piece lost, doubled or moved changes the hash."""
    return b"".join(hashlib.sha256(i.to_bytes(4, "big")).digest() for i in range(MEGABYTE // 32))


PATTERN = make_pattern()


def pieces(size):
    """`size` bytes of a body in odd pieces."""
    position = 0
    for step in range(size):
        if position == size:
            return
        length = min(size - position, 1 + step * 7919 % 200_000)
        start = position % MEGABYTE
        piece = (PATTERN + PATTERN)[start:start + length]
        position += len(piece)
        yield piece


def digest(size):
    total = hashlib.sha256()
    for piece in pieces(size):
        total.update(piece)
    return total.hexdigest()


def send_body(send, size, framing):
    for piece in pieces(size):
        send(b"%x\r\n%s\r\n" % (len(piece), piece) if framing == "chunked" else piece)
    if framing == "chunked":
        send(b"0\r\n\r\n")


def framing_header(size, framing):
    return ("Transfer-Encoding", "chunked") if framing == "chunked" else ("Content-Length", str(size))


def memory_kb(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(field + ":"))


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_large_bodies_arrive_whole_both_ways(serve, make_raw_backend, framing):
    got = []

    def script(connection):
        request = connection.read_request()
        got.append(hashlib.sha256(request.body).hexdigest())
        name, value = framing_header(LARGE, framing)
        connection.send(f"HTTP/1.1 200 OK\r\n{name}: {value}\r\n\r\n".encode())
        send_body(connection.send, LARGE, framing)

    proxy = serve(make_raw_backend(script))
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[framing_header(LARGE, framing)]))
        send_body(client.send, LARGE, framing)
        response = client.read_response()
    assert response.is_whole and len(response.body) == LARGE
    assert hashlib.sha256(response.body).hexdigest() == digest(LARGE)
    assert got == [digest(LARGE)]
    entry = proxy.wait_log(method="POST")
    assert (entry["bytes_in"], entry["bytes_out"]) == (LARGE, LARGE)


def test_both_directions_flow_at_once(serve, make_raw_backend):
    def script(connection):
        connection.read_head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        missing = LARGE
        while missing:
            piece = connection.stream.read(min(missing, 65536))
            connection.send(piece)
            missing -= len(piece)

    proxy = serve(make_raw_backend(script))
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[("Content-Length", str(LARGE))]))
        sender = threading.Thread(target=send_body, args=(client.send, LARGE, "length"))
        sender.start()
        response = client.read_response()
        sender.join()
    assert hashlib.sha256(response.body).hexdigest() == digest(LARGE)


def endless_backend(make_raw_backend, sent, size):
    """Answers with `size` bytes; `sent` tells how many of them have been taken so far."""
    def script(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        if connection.read_head().method == "HEAD":  # no body: its bytes would answer the next request of a kept connection
            return connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(size // MEGABYTE):
            connection.send(PATTERN)
            sent[connection.index] = sent.get(connection.index, 0) + MEGABYTE

    return make_raw_backend(script)


def wait_stalled(reading):
    """Waits until `reading()` has been the same for a while; returns it."""
    last, same = None, 0

    def is_stalled():
        nonlocal last, same
        value = reading()
        last, same = value, same + 1 if value == last else 0
        return same >= 40  # looks, at least 5 ms apart

    eventually(is_stalled, "the flow to stall")
    return last


def test_answers_that_nobody_reads_take_no_memory(serve, make_raw_backend):
    sent = {}
    size = 200 * MEGABYTE
    proxy = serve(endless_backend(make_raw_backend, sent, size))
    assert proxy.ask("warm", "/", method="HEAD", headers=[("Connection", "close")]).status == 200
    before = memory_kb(proxy.serving.pid)
    clients = []
    for _ in range(8):
        client = proxy.connect()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.send(request_bytes())
        clients.append(client)
    wait_stalled(lambda: sum(sent.values()))
    # Sockets of the kernel hold some megabytes; the rest of 1,600 waits at the backends.
    assert sum(sent.values()) < 8 * 32 * MEGABYTE
    assert memory_kb(proxy.serving.pid) - before < 16 * 1024
    # One of them reads after all and gets everything.
    response = clients[0].read_response()
    assert response.is_whole and len(response.body) == size
    assert memory_kb(proxy.serving.pid, "VmHWM") - before < 24 * 1024
    for client in clients:
        client.close()


def test_requests_that_the_backend_does_not_read_take_no_memory(serve, make_raw_backend):
    may_read = threading.Event()
    got = []

    def script(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.read_head()
        assert may_read.wait(60)
        total = hashlib.sha256()
        missing = 64 * MEGABYTE
        while missing:
            piece = connection.stream.read(min(missing, MEGABYTE))
            assert piece
            total.update(piece)
            missing -= len(piece)
        got.append(total.hexdigest())
        connection.send(ok())

    proxy = serve(make_raw_backend(script))
    before = memory_kb(proxy.serving.pid)
    size, sent = 64 * MEGABYTE, [0]
    with proxy.connect() as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)

        def send(piece):
            client.send(piece)
            sent[0] += len(piece)

        client.send(request_bytes("POST", headers=[("Content-Length", str(size))]))
        sender = threading.Thread(target=send_body, args=(send, size, "length"))
        sender.start()
        assert wait_stalled(lambda: sent[0]) < 32 * MEGABYTE
        assert memory_kb(proxy.serving.pid) - before < 8 * 1024
        may_read.set()
        assert client.read_response().status == 200
        sender.join()
    assert got == [digest(size)]


def test_many_tiny_chunks(proxy_of_echo):
    body = bytes(range(256)) * 64
    with proxy_of_echo.connect() as client:
        client.send(request_bytes("POST", headers=[("Transfer-Encoding", "chunked")]))
        client.send(b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n")
        assert client.read_response().body == body
        assert client.request("POST", body=b"").body == b""


@pytest.fixture
def proxy_of_echo(serve, make_backend):
    return serve(make_backend(lambda conversation: conversation.send(ok(conversation.request.body))))


def test_bodies_of_all_sizes_around_the_buffers(proxy_of_echo):
    sizes = [0, 1, 1023, 1024, 1025, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537, 131072, 131073]
    with proxy_of_echo.connect() as client:
        for size in sizes:
            body = PATTERN[:size]
            assert client.request("POST", body=body).body == body, size
            client.send(request_bytes("POST", headers=[("Transfer-Encoding", "chunked")]))
            client.send(b"%x\r\n%s\r\n0\r\n\r\n" % (size, body) if size else b"0\r\n\r\n")
            assert client.read_response().body == body, size
