"""Upgraded connections over TLS, and what TLS itself may do in the middle of a connection."""

import hashlib
import signal
import socket
import subprocess
import threading

import pytest

from support.config_file import secured, single, write_config
from support.http_client import request_bytes
from support.tls_client import CLOSE_NOTIFY, VERSIONS, TlsClient, client_context
from support.waiting import eventually

ASK = request_bytes(target="/chat", host="a.test", headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")])
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SIZE, BLOCK = 10 << 20, bytes(range(256)) * 4096


def echo(connection):
    """Accepts an upgrade, sends back what comes, and ends when the client has."""
    connection.read_head()
    connection.send(SWITCH)
    while data := connection.stream.read1(65536):
        connection.send(data)
    connection.sock.shutdown(socket.SHUT_WR)


def upgrade(proxy, version="1.3", behind=b""):
    client = TlsClient(proxy.http, client_context(versions=VERSIONS[version]), "a.test")
    client.send(ASK + behind)
    assert client.read_response().status == 101
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_bytes_go_both_ways_and_the_ends_are_passed_on(serve_tls, make_raw_backend, version):
    proxy = serve_tls(backend=make_raw_backend(echo))
    with upgrade(proxy, version, behind=b"early") as client:
        assert client.read_exactly(5) == b"early"
        for text in (b"hello", b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
            client.send(text)
            assert client.read_exactly(len(text)) == text
        assert proxy.metric("proxyd_tunnels_open") == 1
        client.sock.say_close()  # our direction: the backend's answer to it still comes
        assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY
    entry = proxy.wait_log(status=101)
    assert (entry["why"], entry["bytes_in"], entry["bytes_out"]) == ("tunnel:client_closed", 34, 34)


def test_a_backend_that_ends_first_still_gets_the_rest(serve_tls, make_raw_backend):
    got = []

    def say_bye(connection):
        connection.read_head()
        connection.send(SWITCH + b"bye")
        connection.sock.shutdown(socket.SHUT_WR)
        got.append(connection.wait_end())

    backend = make_raw_backend(say_bye)
    proxy = serve_tls(backend=backend)
    with upgrade(proxy) as client:
        assert client.read_to_end() == b"bye" and client.sock.end == CLOSE_NOTIFY
        client.send(b"last words")
        client.sock.shutdown(socket.SHUT_WR)
        assert proxy.wait_log(status=101)["why"] == "tunnel:backend_closed"
    backend.check()
    assert got == [b"last words"]


@pytest.mark.parametrize("version", VERSIONS)
def test_ten_megabytes_each_way(serve_tls, make_raw_backend, version):
    proxy = serve_tls(backend=make_raw_backend(echo))
    with upgrade(proxy, version) as client:
        sent, received = hashlib.sha256(), hashlib.sha256()
        for _ in range(SIZE // len(BLOCK)):
            client.send(BLOCK)
            sent.update(BLOCK)
            received.update(client.read_exactly(len(BLOCK)))
        assert received.digest() == sent.digest()


def test_a_tunnel_that_breaks_is_cut_without_close_notify(serve_tls, make_raw_backend):
    def reset(connection):
        connection.read_head()
        connection.send(SWITCH + b"half")
        connection.stream.read(2)
        connection.reset()

    proxy = serve_tls(backend=make_raw_backend(reset))
    with upgrade(proxy) as client:
        assert client.read_exactly(4) == b"half"
        client.send(b"go")
        client.read_to_end()
        assert client.sock.end in ("torn", "reset")
    assert proxy.wait_log(status=101)["why"] == "tunnel:backend_reset"


def test_sigterm_leaves_tunnels_their_time_and_ends_the_others(start, make_raw_backend, tmp_path, listed):
    file = write_config(tmp_path / "config", secured(single(make_raw_backend(echo)), listed))
    proxy = start("--config", file, "--workers", "1", "--tunnel-drain-timeout", "1h").wait_ready()
    with upgrade(proxy) as client, TlsClient(proxy.http, None, "a.test") as idle:
        proxy.signal(signal.SIGTERM)
        assert idle.read_to_end() == b"" and idle.sock.end == CLOSE_NOTIFY
        client.send(b"still here")
        assert client.read_exactly(10) == b"still here"
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_to_end() == b"" and client.sock.end == CLOSE_NOTIFY
    assert proxy.wait_exit() == 0


class CommandLineClient:
    """`openssl s_client`, which can do what Python's ssl cannot: single letters are commands to it."""

    def __init__(self, proxy, *options):
        command = ["openssl", "s_client", "-connect", proxy.http, "-servername", "a.test", "-crlf", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.timer = threading.Timer(30, self.process.kill)
        self.timer.start()
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()
        self.timer.cancel()

    def type(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def wait(self, text):
        """Reads until it has said `text`."""
        while text not in self.said:
            piece = self.process.stdout.read1(65536)
            assert piece, f"ended without {text!r}: {self.said!r}"
            self.said += piece


def test_keys_may_be_updated_between_requests(serve_tls):
    """RFC 8446 4.6.3: ours are then updated too."""
    proxy = serve_tls()
    with CommandLineClient(proxy, "-tls1_3") as client:
        client.wait(b"Verify return code")
        for _ in range(3):
            client.said = b""
            client.type(b"K\n")
            client.wait(b"KEYUPDATE")
            client.type(b"GET / HTTP/1.1\nHost: a.test\n\n")
            client.wait(b"\r\n\r\nok\n")
    eventually(lambda: proxy.metric('proxyd_requests_total{class="2xx"}') == 3, "three requests to be counted")
    assert proxy.metric("proxyd_tls_handshakes_total") == 1


def test_nobody_renegotiates(serve_tls):
    proxy = serve_tls()
    with CommandLineClient(proxy, "-tls1_2") as client:
        client.wait(b"Verify return code")
        client.type(b"R\n")
        client.wait(b"no renegotiation")
    assert proxy.metric("proxyd_tls_handshakes_total") == 1


@pytest.mark.parametrize("size", [0, 5, 60_000, 80_000, 100_000, 120_000, 1_000_000])
def test_an_end_in_the_same_write_as_bytes_is_passed_on(serve_tls, make_raw_backend, size):
    """It is read while the backend has not agreed yet, so nobody takes the bytes before it."""
    all_sent, got = threading.Event(), []

    def read_late(connection):
        connection.read_head()
        assert all_sent.wait(30)
        connection.send(SWITCH + b"bye")
        got.append(connection.wait_end())

    backend = make_raw_backend(read_late)
    proxy = serve_tls(backend=backend)
    with TlsClient(proxy.http, None, "a.test") as client:
        client.sock.send_and_say_close(ASK + bytes(size))
        all_sent.set()
        assert client.read_response().status == 101
        assert client.read_to_end() == b"bye" and client.sock.end == CLOSE_NOTIFY
    backend.check()
    assert got == [bytes(size)]
