"""WebSockets over HTTP/2 (RFC 8441), whose backend speaks HTTP/1.1: no byte becomes a request before the backend has
switched, and each end is passed on."""

import re
import socket
import threading

import pytest
from support.config_file import single
from support.raw_backend import RawBackend
from wire import blocks, frames
from wire.blocks import request
from wire.frames import Code

ENABLE_CONNECT_PROTOCOL = 8  # RFC 8441 3
SWITCH = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: yes\r\nSec-WebSocket-Protocol: chat\r\n\r\n")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMUGGLED = b"GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"
CHAT = blocks.fields((b":method", b"CONNECT"), (b":protocol", b"websocket"), (b":scheme", b"http"),
                     (b":path", b"/chat"), (b":authority", b"a.test"), (b"sec-websocket-version", b"13"),
                     (b"sec-websocket-protocol", b"chat"), (b"sec-websocket-key", b"bWluZQ=="))


class Switching:
    """A backend that switches on /chat and echoes; refuses on /no; tells how many tunnels have ended."""

    def __init__(self):
        self.changed = threading.Condition()
        self.heads, self.num_ended = [], 0
        self.backend = RawBackend(self.serve)

    def serve(self, connection):
        while (head := connection.read_request()) is not None:
            with self.changed:
                self.heads.append(head)
            if head.header("upgrade") is None or head.target == "/no":
                connection.send(OK if head.target != "/no" else OK.replace(b"200 OK", b"403 No"))
                continue
            connection.send(SWITCH)
            try:
                self.echo(connection)
            finally:
                with self.changed:
                    self.num_ended += 1
                    self.changed.notify_all()
            return

    @staticmethod
    def echo(connection):
        while data := connection.stream.read1(65536):
            if data == b"reset":
                return connection.reset()
            connection.send(data)
        return connection.sock.shutdown(socket.SHUT_WR)

    def wait_ended(self, count):
        with self.changed:
            assert self.changed.wait_for(lambda: self.num_ended >= count, 30), "a tunnel is left open"

    def targets(self):
        with self.changed:
            return [head.target for head in self.heads]


@pytest.fixture
def switching():
    made = Switching()
    yield made
    made.backend.close()
    made.backend.check()


@pytest.fixture
def client(start_proxy, switching, link):
    daemon = start_proxy(single(switching.backend))
    with link.open(daemon.address(link.name)) as client:
        client.open()
        assert client.settings[ENABLE_CONNECT_PROTOCOL] == 1
        yield client


def connect(client, number=1, block=CHAT):
    client.send(frames.headers(number, block, end_stream=False))
    client.wait(lambda: client.stream(number).status, "an answer")
    return client.stream(number)


def say(client, number, data, end=False):
    """Sends `data`, and waits until it has come back."""
    stream = client.stream(number)
    before = len(stream.body)
    client.send(frames.data(number, data, end=end))
    client.wait(lambda: len(stream.body) >= before + len(data), "the echo")
    assert stream.body[before:] == data


def test_bytes_go_both_ways(client, switching):
    stream = connect(client)
    assert (stream.status, stream.is_ended) == (200, False)
    assert stream.values(b"sec-websocket-protocol") == [b"chat"]
    assert not stream.values(b"sec-websocket-accept") + stream.values(b"upgrade") + stream.values(b"content-length")
    for data in (b"hello", b"\0\xff\r\n\r\n", SMUGGLED, bytes(16_384)):
        say(client, 1, data)
    client.send(frames.data(1))
    client.wait(lambda: stream.is_ended, "the end")
    switching.wait_ended(1)
    assert switching.targets() == ["/chat"]


def test_the_backend_gets_an_upgrade(client, switching):
    connect(client)
    (head,) = switching.heads
    assert (head.method, head.target, head.header("host")) == ("GET", "/chat", "a.test")
    assert head.header("upgrade").lower() == "websocket" and head.header("connection").lower() == "upgrade"
    assert head.header("sec-websocket-version") == "13" and head.header("sec-websocket-protocol") == "chat"
    assert re.fullmatch(r"[A-Za-z0-9+/]{22}==", head.header("sec-websocket-key"))  # ours: RFC 8441 5.1
    assert head.header("transfer-encoding") is None and head.header("content-length") is None


def test_beside_other_streams(client, switching):
    connect(client, 1)
    connect(client, 3)
    for number in (1, 3, 1):
        say(client, number, b"to %d" % number)
        assert client.ask(b"GET", b"/plain").body == b"ok"
    client.send(frames.rst_stream(1))
    switching.wait_ended(1)
    say(client, 3, b"still here", end=True)
    assert client.wait_done(3).is_ended


def test_a_refusal_is_an_answer_and_the_bytes_go_nowhere(client, switching):
    """What was sent ahead is no request of anybody."""
    block = CHAT.replace(blocks.string(b"/chat"), blocks.string(b"/no"))
    client.send(frames.headers(1, block, end_stream=False) + frames.data(1, SMUGGLED, end=False))
    stream = client.wait_done(1)
    assert (stream.status, stream.body, stream.is_ended) == (403, b"ok", True)
    assert client.ask(b"GET", b"/plain").status == 200
    assert switching.targets() == ["/no", "/plain"]


def test_bytes_sent_ahead_come_behind_the_switch(client):
    client.send(frames.headers(1, CHAT, end_stream=False) + frames.data(1, b"ahead", end=False))
    client.wait(lambda: client.stream(1).body == b"ahead", "the echo")
    say(client, 1, b"behind")


def test_reset_of_the_client_ends_the_backend(client, switching):
    connect(client)
    client.send(frames.rst_stream(1))
    switching.wait_ended(1)
    assert client.ask(b"GET", b"/plain").status == 200


def test_reset_of_the_backend_ends_the_stream(client):
    stream = connect(client)
    client.send(frames.data(1, b"reset", end=False))
    client.wait_done(1)
    assert not stream.is_ended and stream.reset not in (None, Code.NO_ERROR)
    assert client.ask(b"GET", b"/plain").status == 200


def test_end_of_the_connection_ends_the_backend(client, switching):
    connect(client, 1)
    connect(client, 3)
    client.link.close()
    switching.wait_ended(2)


@pytest.mark.parametrize("protocol", [b"connect-udp", b"h2c", b"websocket\r\nX-Evil: 1", b"http/1.1"])
def test_other_protocols_are_refused(client, switching, protocol):
    block = CHAT.replace(blocks.string(b"websocket"), blocks.string(protocol))
    client.send(frames.headers(1, block, end_stream=False))
    stream = client.wait_done(1)
    assert stream.status in (400, 405, 501) or stream.reset == Code.PROTOCOL_ERROR
    assert client.ask(b"GET", b"/plain").status == 200
    assert switching.targets() == ["/plain"]


@pytest.mark.parametrize("method", [b"GET", b"POST"])
def test_upgrade_of_http1_is_malformed(client, switching, method):
    """RFC 9113 8.2.2: it is not how HTTP/2 asks for it."""
    client.send(frames.headers(1, request(method, b"/chat", (b"upgrade", b"websocket"), (b"connection", b"upgrade"))))
    assert client.wait_done(1).reset == Code.PROTOCOL_ERROR
    assert switching.targets() == []


def test_a_window_that_is_shut_stops_the_backend(client):
    """What it sends is not heaped up: it comes when the window opens, and all of it."""
    stream = connect(client)
    client.grants = False
    sent = b"0123456789abcdef" * 8192  # 128 KB, of which a window's worth comes back
    for at in range(0, len(sent), 16_384):
        client.send(frames.data(1, sent[at:at + 16_384], end=False))
        client.wait(lambda most=min(at + 16_384, frames.DEFAULT_WINDOW): len(stream.body) >= most, "the echo")
        if at + 16_384 >= frames.DEFAULT_WINDOW:
            break
    client.sync()
    assert len(stream.body) == frames.DEFAULT_WINDOW
    client.send(frames.window_update(0, 1 << 20) + frames.window_update(1, 1 << 20))
    client.wait(lambda: stream.body == sent[:at + 16_384], "the rest")
