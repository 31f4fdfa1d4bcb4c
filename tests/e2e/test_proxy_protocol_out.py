"""The PROXY protocol to backends: each connection begins with the name of one client, and serves nobody else."""

import socket
import subprocess
import threading

import pytest

from support.backend import ok
from support.config_file import cluster, config, route, single, write_config
from support.http_client import RawClient, request_bytes, to_address
from support.nginx import Nginx
from support.waiting import eventually

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
VERSIONS = ["v1", "v2"]


class NamedBackend:
    """A script for RawBackend: reads a header, then answers requests with "HEADER'S ADDRESS PORT". `connections` lists
    for each connection whom its header names and the X-Forwarded-For of its requests."""

    def __init__(self):
        self.connections = []
        self.lock = threading.Lock()

    def __call__(self, connection):
        client = self.read_header(connection.stream)
        requests = []
        with self.lock:
            self.connections.append((client, requests))
        while (request := connection.read_request()) is not None:
            requests.append(request.header("X-Forwarded-For"))
            connection.send(ok(f"{client[0]} {client[1]}" if client else "nobody"))

    @staticmethod
    def read_header(stream):
        """(address, port, destination's address and port), None for nobody."""
        first = stream.read(1)
        if first == b"P":
            words = stream.readline().split()
            assert words[0] == b"ROXY"
            if words[1] == b"UNKNOWN":
                return None
            _, _, client, destination, port, destination_port = [word.decode() for word in words]
            return client, int(port), destination, int(destination_port)
        assert first + stream.read(11) == SIGNATURE
        command, family, high, low = stream.read(4)
        block = stream.read(high << 8 | low)
        if command == 0x20:
            assert block == b""
            return None
        assert command == 0x21
        size, kind = {0x11: (4, socket.AF_INET), 0x21: (16, socket.AF_INET6)}[family]
        assert len(block) == 2 * size + 4
        client, destination = (socket.inet_ntop(kind, block[i * size:(i + 1) * size]) for i in (0, 1))
        return (client, int.from_bytes(block[2 * size:2 * size + 2], "big"), destination,
                int.from_bytes(block[2 * size + 2:], "big"))

    def check(self):
        """No request came on a connection of somebody else's."""
        for client, requests in self.connections:
            assert client is None or set(requests) <= {client[0]}, (client, requests)


@pytest.fixture
def named(make_raw_backend):
    """(what it has seen, the backend itself)"""
    script = NamedBackend()
    yield script, make_raw_backend(script)
    script.check()


def connect_from(source, address):
    """A client whose address is `source`."""
    client = RawClient.__new__(RawClient)
    client.sock = socket.create_connection(to_address(address)[1], timeout=30, source_address=(source, 0))
    client.unread = b""
    return client


@pytest.mark.parametrize("version", VERSIONS)
def test_nginx_understands_it(serve, tmp_path, version):
    nginx = Nginx(tmp_path / "nginx", """server {
        listen 127.0.0.1:{port0} proxy_protocol;
        location / { return 200 "$proxy_protocol_addr $proxy_protocol_port"; } }""")
    try:
        value = config([cluster("nginx", ("127.0.0.1", nginx.ports[0]), proxy_protocol=version)], [route("all", "nginx")])
        proxy = serve(value)
        for source in ("127.0.0.1", "127.0.0.5"):
            with connect_from(source, proxy.http) as client:
                port = client.sock.getsockname()[1]
                for _ in range(3):
                    assert client.request().text == f"{source} {port}"
        proxy.wait_metric("proxyd_upstream_connects_total", 2)
    finally:
        nginx.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_header_comes_in_front_of_tls(serve, tmp_path, authority, version):
    made = authority.make("backend.test")
    (tmp_path / "chain.pem").write_text(made.chain)
    (tmp_path / "key.pem").write_text(made.key)
    nginx = Nginx(tmp_path / "nginx", """server {
        listen 127.0.0.1:{port0} ssl proxy_protocol;
        ssl_certificate {folder}/../chain.pem; ssl_certificate_key {folder}/../key.pem;
        location / { return 200 "$proxy_protocol_addr $proxy_protocol_port $ssl_protocol"; } }""")
    try:
        tls = {"server_name": "backend.test", "ca_bundle": authority.root.chain}
        value = config([cluster("nginx", ("127.0.0.1", nginx.ports[0]), proxy_protocol=version, tls=tls)],
                       [route("all", "nginx")])
        proxy = serve(value)
        for source in ("127.0.0.1", "127.0.0.5"):
            with connect_from(source, proxy.http) as client:
                port = client.sock.getsockname()[1]
                for _ in range(2):
                    assert client.request().text == f"{source} {port} TLSv1.2"
        proxy.wait_metric("proxyd_upstream_tls_handshakes_total", 2)
    finally:
        nginx.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_each_client_has_connections_of_its_own_and_keeps_them(serve, named, version):
    script, backend = named
    proxy = serve(backend, {"proxy_protocol": version})
    clients = [connect_from(f"127.0.0.{i}", proxy.http) for i in (1, 2, 3)]
    names = [client.sock.getsockname() for client in clients]
    for _ in range(4):
        for client, (address, port) in zip(clients, names):
            assert client.request().text == f"{address} {port}"
    host, port = proxy.http.rsplit(":", 1)
    assert [client for client, _ in script.connections] == [(*name, host, int(port)) for name in names]
    for client in clients:
        client.close()
    with connect_from("127.0.0.1", proxy.http) as again:  # from another port
        assert again.request().text == f"127.0.0.1 {again.sock.getsockname()[1]}"
    assert len(script.connections) == 4


def test_streams_of_http2_go_over_the_connections_of_their_client(serve, named):
    script, backend = named
    proxy = serve(backend, {"proxy_protocol": "v1"})
    done = subprocess.run(["h2load", "-n", "40", "-c", "2", "-m", "5", f"http://{proxy.http}/"], capture_output=True,
                          text=True, check=False, timeout=60)
    assert done.returncode == 0 and "40 2xx" in done.stdout, done.stdout + done.stderr
    assert sum(len(requests) for _, requests in script.connections) == 40
    host, port = proxy.http.rsplit(":", 1)
    assert len({client for client, _ in script.connections}) == 2
    assert {client[0:1] + client[2:] for client, _ in script.connections} == {("127.0.0.1", host, int(port))}


def test_what_comes_in_goes_out(serve, named):
    script, backend = named
    proxy = serve(single(backend, {"proxy_protocol": "v2"}, proxy_protocol={"senders": ["127.0.0.1"]}))
    for name, told in (("TCP4 192.0.2.7 198.51.100.1 56324 443", ("192.0.2.7", 56324, "198.51.100.1", 443)),
                       ("TCP6 2001:db8::7 fd00::1 1 2", ("2001:db8::7", 1, "fd00::1", 2))):
        with RawClient(proxy.http) as client:
            client.send(f"PROXY {name}\r\n".encode() + request_bytes())
            assert client.read_response().text == f"{told[0]} {told[1]}"
        assert script.connections[-1][0] == told


def test_the_clients_of_a_trusted_proxy_are_named(serve, make_raw_backend):
    script = NamedBackend()
    proxy = serve(make_raw_backend(script), {"proxy_protocol": "v1"}, trusted_proxies=["127.0.0.1"])
    with RawClient(proxy.http) as client:
        for address in ("192.0.2.7", "2001:db8::7", "192.0.2.8", "192.0.2.7"):
            assert client.request(headers=[("X-Forwarded-For", address)]).text == f"{address} 0"
    assert [client[0] for client, _ in script.connections] == ["192.0.2.7", "2001:db8::7", "192.0.2.8"]


@pytest.mark.parametrize("settings", [{}, {"circuit_breakers": {"max_connections": 2}},
                                      {"limits": {"max_idle_connections": 2}}], ids=["free", "limited", "few idle"])
def test_no_request_goes_over_the_connection_of_another_client(serve, named, settings):
    script, backend = named
    proxy = serve(backend, {"proxy_protocol": "v1", **settings})
    failures = []

    def work(source):
        try:
            for _ in range(5):
                with connect_from(source, proxy.http) as client:
                    port = client.sock.getsockname()[1]
                    for _ in range(5):
                        response = client.request()
                        assert (response.status, response.text) == (200, f"{source} {port}"), response
        except Exception as failure:  # noqa: every kind is what is looked for
            failures.append(repr(failure))

    threads = [threading.Thread(target=work, args=(f"127.0.0.{i}",)) for i in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert sum(len(requests) for _, requests in script.connections) == 8 * 25


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"), ("v2", LOCAL)])
@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_health_checks_speak_for_themselves(serve, make_raw_backend, version, header, kind):
    seen = []

    def script(connection):
        seen.append(connection.stream.read(len(header) + 4 if kind == "http" else len(header)))

    backend = make_raw_backend(script)
    serve(backend, {"proxy_protocol": version, "health_check": {"type": kind, "interval_ms": 100}})
    eventually(lambda: len(seen) > 0, "a health check")
    assert seen[0] == header + (b"GET " if kind == "http" else b"")


def test_it_changes_without_a_restart(start, tmp_path, named, make_backend):
    script, backend = named
    plain = make_backend(ok("plain"))
    folder = tmp_path / "config"
    proxy = start("--config", write_config(folder, single(backend, {"proxy_protocol": "v1"})), "--workers", "1")
    proxy.wait_ready()
    with RawClient(proxy.http) as client:
        name = f"127.0.0.1 {client.sock.getsockname()[1]}"
        assert client.request().text == name
        write_config(folder, single(backend, {"proxy_protocol": "v2"}))
        proxy.wait_adopted(2)
        assert client.request().text == name
        assert len(script.connections) == 2
        write_config(folder, single(plain))
        proxy.wait_adopted(3)
        assert client.request().text == "plain"
