"""Certificates, listeners and policies of TLS that change under load of every kind: nobody loses anything."""

import hashlib
import os
import socket
import threading
import time

import h2.config
import h2.connection
import h2.events
import pytest

from support.backend import ok
from support.config_file import cluster, write_config
from support.http_client import request_bytes
from support.tls_client import HandshakeFailed, TlsClient, client_context
from support.waiting import eventually

# Of each: four new certificates, a listener more and one less, another policy. An instrumented daemon takes several
# times as long.
NUM_ROUNDS = 10 if os.environ.get("INGRESS_SANITIZE") else 50
HOST = "a.test"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
POLICIES = [{"min_version": "1.2"}, {"preset": "modern"}, {"groups": ["secp256r1"]}, {"max_version": "1.2"}]


def echo(connection):
    connection.read_head()
    connection.send(SWITCH)
    while data := connection.stream.read1(65536):
        connection.send(data)


def digest(conversation):
    conversation.send(ok(hashlib.sha256(conversation.request.body).hexdigest().encode()))


class Worker(threading.Thread):
    """Works until it is told to stop, and says what went wrong; `count` grows with each success."""

    def __init__(self, address, authority):
        super().__init__(daemon=True)
        self.address, self.authority = address, authority
        self.stopping = threading.Event()
        self.count, self.failure = 0, None

    def run(self):
        try:
            self.work()
        except Exception as failure:  # noqa: every kind is what is looked for
            self.failure = repr(failure)

    def connect(self, *protocols):
        return TlsClient(self.address, client_context(self.authority, protocols=list(protocols) or None), HOST)

    def stop(self):
        self.stopping.set()
        self.join(60)
        assert not self.is_alive(), f"{type(self).__name__} does not end"
        assert self.failure is None, f"{type(self).__name__}: {self.failure}"
        return self.count


class Http1(Worker):
    """Requests on one connection."""

    def work(self):
        with self.connect() as client:
            while not self.stopping.is_set():
                assert client.request(host=HOST).status == 200
                self.count += 1


class NewConnections(Worker):
    """A connection for each request, whose certificate is verified."""

    def work(self):
        while not self.stopping.is_set():
            with self.connect() as client:
                assert client.request(host=HOST).status == 200
            self.count += 1


class WebSocket(Worker):
    """Bytes through one tunnel and back."""

    def work(self):
        with self.connect() as client:
            client.send(request_bytes(target="/chat", host=HOST, headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")]))
            assert client.read_response().status == 101
            while not self.stopping.is_set():
                text = f"message {self.count}".encode()
                client.send(text)
                assert client.read_exactly(len(text)) == text
                self.count += 1


class LongPost(Worker):
    """One request, as long as everything takes."""

    def work(self):
        seen = hashlib.sha256()
        with self.connect() as client:
            client.send(b"POST /post HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not self.stopping.wait(0.01):
                piece = os.urandom(512)
                seen.update(piece)
                client.send(b"200\r\n" + piece + b"\r\n")
                self.count += 1
            client.send(b"0\r\n\r\n")
            answer = client.read_response("POST")
        assert (answer.status, answer.text) == (200, seen.hexdigest())


class Http2(Worker):
    """Eight streams at a time on one connection, to backends of both protocols."""

    NUM_STREAMS = 8

    def work(self):
        with self.connect("h2") as client:
            connection = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
            connection.initiate_connection()
            self.open = set()
            while self.open or not self.stopping.is_set():
                while len(self.open) < self.NUM_STREAMS and not self.stopping.is_set():
                    self.begin(connection)
                client.send(connection.data_to_send())
                if self.open:
                    data = client.sock.recv(65536)
                    assert data, f"the connection ended with {len(self.open)} streams on it"
                    for event in connection.receive_data(data):
                        self.take(connection, event)

    def begin(self, connection):
        number = connection.get_next_available_stream_id()
        path = "/two" if number % 4 == 1 else "/"
        connection.send_headers(number, [(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", path)],
                                end_stream=True)
        self.open.add(number)

    def take(self, connection, event):
        assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
        if isinstance(event, h2.events.ResponseReceived):
            assert (":status", "200") in event.headers, event.headers
        elif isinstance(event, h2.events.DataReceived):
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            self.open.remove(event.stream_id)
            self.count += 1


class Gateway:
    """The configuration, and the daemon that serves it."""

    def __init__(self, start, folder, backends):
        self.folder, self.backends = folder, backends
        self.certificate, self.policy, self.extra = None, {}, []
        self.start, self.proxy = start, None
        self.longest_s = 0.0

    def value(self):
        tls = {"default_certificate": "a", **self.policy}
        listeners = [{"name": "http-0", "address": "127.0.0.1", "tls": tls}]
        listeners += [{"name": name, "address": "127.0.0.1", "port": port, "tls": {"default_certificate": "a"}}
                      for name, port in self.extra]
        rules = [{"matches": [{"path": {"type": "exact", "value": "/" + name}}], "backends": [{"cluster": name}]}
                 for name in ("chat", "post", "two")]
        return {"version": 1, "listeners": listeners, "certificates": [self.certificate.config("a", HOST)],
                "clusters": [cluster(name, backend, **({"protocol": "http2"} if name == "two" else {}))
                             for name, backend in self.backends.items()],
                "routes": [{"name": "all", "rules": [*rules, {"backends": [{"cluster": "one"}]}]}]}

    def publish(self):
        file = write_config(self.folder, self.value())
        if self.proxy is None:
            self.proxy = self.start("--config", file, "--workers", "2", "--access-log", "off").wait_ready()

    def change(self):
        before = self.proxy.page("/generation")["published"]
        began = time.monotonic()
        self.publish()
        self.proxy.wait_adopted(before + 1)
        self.longest_s = max(self.longest_s, time.monotonic() - began)

    def shown(self, listener="http-0"):
        with TlsClient(self.proxy.address(listener), None, HOST) as client:
            return client.certificate, client.tls.version()


@pytest.fixture
def gateway(start, tmp_path, make_backend, make_raw_backend, make_http2_backend, authority):
    made = Gateway(start, tmp_path / "config",
                   {"one": make_backend(ok()), "post": make_backend(digest), "chat": make_raw_backend(echo),
                    "two": make_http2_backend()})
    made.certificate = authority.make(HOST, serial=0)
    made.publish()
    return made


def is_served(gateway, address):
    with TlsClient(address, None, HOST) as client:
        return client.certificate == gateway.certificate.der and client.request(host=HOST).status == 200


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def is_refused(address):
    try:
        TlsClient(address, None, HOST).close()
    except (ConnectionRefusedError, ConnectionResetError, HandshakeFailed):
        return True
    return False


def test_nothing_is_lost_while_everything_changes(gateway, authority):
    address = gateway.proxy.http
    workers = [kind(address, authority) for kind in (Http1, NewConnections, WebSocket, LongPost, Http2)]
    for worker in workers:
        worker.start()
    serial = 0
    for number in range(NUM_ROUNDS):
        for _ in range(4):
            serial += 1
            gateway.certificate = authority.make(HOST, serial=serial, key="rsa" if serial % 20 == 0 else "ecdsa")
            gateway.change()
            for _ in range(2):
                assert gateway.shown()[0] == gateway.certificate.der
        port = free_port()
        gateway.extra = [(f"extra-{number}", port)]
        gateway.change()
        extra = f"127.0.0.1:{port}"
        assert is_served(gateway, extra)
        gateway.policy = POLICIES[number % len(POLICIES)]
        gateway.change()
        versions = {"max_version": "TLSv1.2"}
        assert gateway.shown()[1] == versions.get(next(iter(gateway.policy)), "TLSv1.3")
        gateway.extra = []
        gateway.change()
        eventually(lambda: is_refused(extra), "the listener to be gone")
    counts = {type(worker).__name__: worker.stop() for worker in workers}
    assert min(counts.values()) > NUM_ROUNDS, f"too little load to show anything: {counts}"
    assert gateway.proxy.metric("proxyd_tls_handshake_failures_total") in (0, None), counts
    print(f"\n{7 * NUM_ROUNDS} changes, the longest adopted after {1000 * gateway.longest_s:.0f} ms; {counts}")
