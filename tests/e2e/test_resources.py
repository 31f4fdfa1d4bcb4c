"""What clients can make the daemon spend, and what happens where it will not: memory, time, descriptors.

docs/reliability.md has the table of these bounds; the figures there are what these tests print (pytest -s).
"""

import os
import selectors
import socket
import threading
import time

import pytest

from support.backend import ok
from support.http_client import ConnectionEnded, RawClient, fetch, request_bytes
from support.resources import (allow_descriptors, ask_and_keep, cpu_s, limit_descriptors, num_descriptors, open_socket,
                               user_bytes, wait_steady)
from support.waiting import eventually

needs_plain_build = pytest.mark.skipif(bool(os.environ.get("INGRESS_SANITIZE")),
                                       reason="an instrumented daemon's memory and speed say nothing")
BODY_BYTES = 10 << 30
BLOCK = b"b" * 65536
HEADS = {"length": f"Content-Length: {BODY_BYTES}\r\n", "chunked": "Transfer-Encoding: chunked\r\n", "until-close": ""}


class EndlessBodies:
    """A script for raw backends: answers with as much of 10 GB as is taken."""

    def __init__(self, framing):
        self.framing = framing
        self.num_sent = 0
        self.lock = threading.Lock()

    def __call__(self, connection):
        if connection.read_head() is None:
            return
        connection.send(f"HTTP/1.1 200 OK\r\n{HEADS[self.framing]}\r\n".encode())
        block = b"10000\r\n" + BLOCK + b"\r\n" if self.framing == "chunked" else BLOCK
        for _ in range(BODY_BYTES // len(BLOCK)):
            connection.send(block)
            with self.lock:
                self.num_sent += len(BLOCK)


@needs_plain_build
@pytest.mark.parametrize("framing", HEADS)
def test_slow_readers_of_huge_bodies_cost_256_kb_each_at_most(serve, make_raw_backend, framing):
    """Each reads a little, stops, reads on: what waits is in the kernel's buffers and the backend, not with us."""
    num_readers, bound_bytes = 16, 256 * 1024
    bodies = EndlessBodies(framing)
    daemon = serve(make_raw_backend(bodies))
    before = user_bytes(daemon.serving)
    clients = [open_socket(daemon.http, receive_bytes=65536) for _ in range(num_readers)]
    try:
        for client in clients:
            client.sendall(request_bytes())
        sent = wait_steady(lambda: bodies.num_sent)
        costs = []
        for _ in range(4):
            costs.append((user_bytes(daemon.serving) - before) / num_readers)
            for client in clients:
                for _ in range(64):
                    assert client.recv(65536)
            now = wait_steady(lambda: bodies.num_sent)
            assert now > sent, "a reader that reads on is sent more"
            sent = now
        costs.append((user_bytes(daemon.serving) - before) / num_readers)
        assert daemon.metric("proxyd_requests_active") == num_readers
    finally:
        for client in clients:
            client.close()
    print(f"\n{framing}: {max(costs) / 1024:.0f} KB a slow reader, {sent / num_readers / (1 << 20):.1f} MB sent each")
    assert max(costs) <= bound_bytes


def drip(sock, data, pause_s=0.02):
    """Sends byte by byte until the other end says something; returns what."""
    sock.settimeout(pause_s)
    for i in range(len(data)):
        try:
            sock.sendall(data[i:i + 1])
            return sock.recv(65536)
        except socket.timeout:
            pass
        except (BrokenPipeError, ConnectionResetError):
            return b""
    raise AssertionError("the whole of it was taken")


def test_a_head_that_drips_is_a_408_however_steadily_it_comes(serve, make_backend):
    backend = make_backend()
    daemon = serve(backend, timeouts={"request_head_ms": 300})
    with RawClient(daemon.http) as client:
        answer = drip(client.sock, b"GET / HTTP/1.1\r\nHost: example.com\r\nX-Slow: " + b"x" * 10000)
        assert answer.startswith(b"HTTP/1.1 408 ")
    daemon.wait_log(status=408, why="request_timeout:head")
    assert backend.requests == []


def test_a_body_that_drips_is_a_408_however_steadily_it_comes(serve, make_raw_backend):
    """No pause is as long as request_body_idle; the rate is what gives it away."""
    ends = []
    backend = make_raw_backend(lambda connection: ends.append((connection.read_head() is not None,
                                                               connection.wait_end())))
    daemon = serve(backend, timeouts={"body_rate_grace_ms": 300}, limits={"min_body_rate": 10_000_000})
    with RawClient(daemon.http) as client:
        client.send(request_bytes("POST", headers=[("Content-Length", "100000")]))
        answer = drip(client.sock, b"x" * 10000)
        assert answer.startswith(b"HTTP/1.1 408 ")
    daemon.wait_log(status=408, why="request_timeout:body_rate")
    (had_head, body), = eventually(lambda: ends, "the backend's connection to end")
    assert had_head and 0 < len(body) < 100000, "the backend sees a body that is cut"


@needs_plain_build
def test_idle_connections_are_held_at_1536_bytes_each_at_most(serve, make_raw_backend):
    """The slope from 1,000 to 9,000: what the first thousand cost once is not counted against each."""
    few, many, bound_bytes = 1000, 9000, 1536
    if not allow_descriptors(many + 500):
        pytest.skip("too few file descriptors for this process")
    def answer_all(connection):
        while connection.read_request() is not None:
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")

    daemon = serve(make_raw_backend(answer_all), timeouts={"keep_alive_idle_ms": 3_600_000})
    sockets = []

    def hold(count):
        while len(sockets) < count:
            sockets.append(open_socket(daemon.http))
            ask_and_keep(sockets[-1])
        assert daemon.metric("proxyd_connections_open") == count
        return wait_steady(lambda: user_bytes(daemon.serving) >> 14, num_equal=30) << 14

    try:
        at_few = hold(few)
        hold(many)
        # What a request needs goes back with its answer; pages may follow later.
        slope = eventually(lambda: (cost := (user_bytes(daemon.serving) - at_few) / (many - few)) <= bound_bytes
                           and max(cost, 1), f"{bound_bytes} bytes a connection")
        print(f"\n{slope:.0f} bytes of user memory an idle connection, from {few} to {many}")
        for index in (0, few, many - 1):
            ask_and_keep(sockets[index])
        assert daemon.metric("proxyd_connections_refused_total") == 0
    finally:
        for sock in sockets:
            sock.close()


class UpgradingBackend:
    """Agrees to every upgrade and echoes, all on one thread."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(512)
        self.address, self.port = self.listener.getsockname()
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ)
                else:
                    self._serve(key.fileobj)

    def _serve(self, sock):
        try:
            data = sock.recv(65536)
            if data.endswith(b"\r\n\r\n"):
                data = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
            if data:
                return sock.sendall(data)
        except OSError:
            pass
        self.selector.unregister(sock)
        sock.close()


@needs_plain_build
def test_tunnels_at_rest_are_held_at_12_kb_each_at_most(serve):
    """Both connections together, as the slope from 500 to 3,000."""
    few, many, bound_bytes = 500, 3000, 12 * 1024
    if not allow_descriptors(3 * many + 500):
        pytest.skip("too few file descriptors for this process")
    daemon = serve(UpgradingBackend())
    sockets = []
    ask = request_bytes(headers=[("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Cookie", "c" * 100)])

    def hold(count):
        while len(sockets) < count:
            sockets.append(open_socket(daemon.http))
            sockets[-1].sendall(ask)
            assert sockets[-1].recv(4096).startswith(b"HTTP/1.1 101 ")
            sockets[-1].sendall(b"word" * 100)
            assert len(sockets[-1].recv(400, socket.MSG_WAITALL)) == 400
        assert daemon.metric("proxyd_tunnels_open") == count
        return wait_steady(lambda: user_bytes(daemon.serving) >> 14, num_equal=30) << 14

    try:
        at_few = hold(few)
        slope = (hold(many) - at_few) / (many - few)
        print(f"\n{slope:.0f} bytes of user memory a tunnel at rest, from {few} to {many}")
        assert slope <= bound_bytes
    finally:
        for sock in sockets:
            sock.close()


def connect_until(stop, address, taken, refused):
    """Connects again and again; keeps those that are not closed at once, and counts the others."""
    while not stop.is_set():
        try:
            sock = open_socket(address)
            sock.settimeout(0.5)
            if sock.recv(1) == b"":
                sock.close()
                refused.append(1)
        except socket.timeout:
            taken.append(sock)
        except OSError:
            pass


@needs_plain_build
def test_at_the_descriptor_limit_connections_go_on_and_accepting_comes_back(serve, make_backend):
    """Clients beyond the limit are turned away in bounded numbers, so nothing spins; those who are there stay."""
    daemon = serve(make_backend(ok()), timeouts={"request_head_ms": 3_600_000})
    with RawClient(daemon.http) as client:
        assert client.request().status == 200  # its backend connection stays in the pool
        limit_descriptors(daemon.serving, num_descriptors(daemon.serving) + 20)
        stop, taken, refused = threading.Event(), [], []
        threads = [threading.Thread(target=connect_until, args=(stop, daemon.http, taken, refused)) for _ in range(4)]
        for thread in threads:
            thread.start()
        # No descriptor is left for the admin page either: the log and the client are what can be asked.
        eventually(lambda: len(refused) >= 100, "the limit to be reached")
        began, spent = time.monotonic(), cpu_s(daemon.serving)
        for _ in range(50):
            assert client.request().status == 200
            time.sleep(0.02)
        spent, passed = cpu_s(daemon.serving) - spent, time.monotonic() - began
        stop.set()
        for thread in threads:
            thread.join()
        for sock in taken[:15]:
            sock.close()
        refused_until = eventually(lambda: refused_count(daemon), "the admin page")
        eventually(lambda: is_served(daemon), "a new client to be served")
        # 64 a turn, ten turns a second; one more turn on either side.
        print(f"\n{refused_until:.0f} refused in {passed:.1f} s at the limit, {spent:.2f} s of processor time")
        assert refused_until <= 65 * (10 * (time.monotonic() - began) + 20)
        assert spent < passed / 2
        assert client.request().status == 200
        for sock in taken[15:]:
            sock.close()


def is_served(daemon):
    try:
        return fetch(daemon.http).status == 200
    except (ConnectionEnded, OSError):
        return False  # there was no descriptor yet


def refused_count(daemon):
    try:
        return daemon.metric("proxyd_connections_refused_total")
    except (ConnectionEnded, OSError):
        return None
