"""Clients that leave at any point: the next client always gets its own answer, and nothing stays behind."""

import socket
import struct
import threading

import pytest

from support.backend import ok
from support.http_client import RawClient, request_bytes
from support.waiting import eventually


def echo(conversation):
    request = conversation.request
    conversation.send(ok(f"{request.target} {request.body.decode()}"))


@pytest.fixture
def backend(make_backend):
    return make_backend(echo)


@pytest.fixture
def proxy(serve, backend):
    return serve(backend)


def leave(client, how):
    if how == "reset":
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_leaving_at_any_byte_of_a_request(proxy, framing, how):
    if framing == "length":
        data = request_bytes("POST", "/leaver", body=b"secret of the leaver")
    else:
        data = request_bytes("POST", "/leaver", headers=[("Transfer-Encoding", "chunked")])
        data += b"6\r\nsecret\r\n5;x=y\r\n of a\r\n0\r\nX-Sum: 1\r\n\r\n"
    for cut in range(len(data) + 1):
        leaver = RawClient(proxy.http)
        leaver.send(data[:cut])
        leave(leaver, how)
        assert proxy.ask(target=f"/victim-{cut}", method="POST", body=b"mine").text == f"/victim-{cut} mine"
    eventually(lambda: proxy.metric("proxyd_connections_open") == 0, "all connections to be gone")


@pytest.mark.parametrize("how", ["close", "reset"])
def test_leaving_before_the_answer(proxy, backend, how):
    release = threading.Event()

    def handler(conversation):
        if conversation.request.target == "/leaver":
            assert release.wait(30)
        echo(conversation)

    backend.handler = handler
    for round_ in range(10):
        leavers = [RawClient(proxy.http) for _ in range(5)]
        for leaver in leavers:
            leaver.send(request_bytes(target="/leaver"))
        backend.wait_requests(6 * round_ + 5)
        for leaver in leavers:
            leave(leaver, how)
        assert proxy.ask(target=f"/victim-{round_}").text == f"/victim-{round_} "
    release.set()  # the late answers come to nobody
    for i in range(20):
        assert proxy.ask(target=f"/victim-{i}").text == f"/victim-{i} "


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("size", [0, 10_000, 1_000_000])
def test_leaving_within_the_answer(proxy, backend, how, size):
    release = threading.Event()

    def handler(conversation):
        if conversation.request.target != "/leaver":
            return echo(conversation)
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (size + 5, b"x" * size))
        assert release.wait(30)
        return conversation.send(b"late!")

    backend.handler = handler
    for i in range(5):
        leaver = RawClient(proxy.http)
        leaver.send(request_bytes(target="/leaver"))
        assert leaver.read_head().status == 200
        leave(leaver, how)
        assert proxy.ask(target=f"/victim-{i}").text == f"/victim-{i} "
    release.set()
    for i in range(20):
        assert proxy.ask(target=f"/victim-{i}").text == f"/victim-{i} "


def test_leaving_with_requests_still_in_line(proxy, backend):
    for count in (2, 50):
        leaver = RawClient(proxy.http)
        leaver.send(b"".join(request_bytes(target=f"/leaver-{i}") for i in range(count)))
        leave(leaver, "reset")
        assert proxy.ask(target="/victim").text == "/victim "


def test_connections_given_up_are_closed_to_the_backend(serve, make_raw_backend):
    arrived, ended = threading.Semaphore(0), threading.Semaphore(0)

    def script(connection):
        assert connection.read_request() is not None
        arrived.release()
        connection.wait_end()
        ended.release()

    proxy = serve(make_raw_backend(script))
    for _ in range(10):
        leaver = proxy.connect()
        leaver.send(request_bytes(target="/leaver"))
        assert arrived.acquire(timeout=30)
        leave(leaver, "reset")
        assert ended.acquire(timeout=30)
    eventually(lambda: proxy.metric("proxyd_requests_active") == 0, "no request to be under way")
