"""The PROXY protocol from clients' proxies: who may send it, what becomes of the address in it, and that a
connection without it goes nowhere."""

import signal
import socket
import subprocess

import pytest

from support.backend import ok
from support.config_file import secured, single, write_config
from support.haproxy import HAProxy
from support.http_client import RawClient, request_bytes
from support.tls_client import HandshakeFailed, TlsSocket, client_context

HERE = {"senders": ["127.0.0.0/8"]}
ELSEWHERE = {"senders": ["10.0.0.0/8", "::1"]}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def v1(client="192.0.2.7", port=56324, family="TCP4", destination="198.51.100.1"):
    return f"PROXY {family} {client} {destination} {port} 443\r\n".encode()


def v2(client="192.0.2.7", port=56324, command=0x21, more=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    destination = "fd00::1" if family == socket.AF_INET6 else "198.51.100.1"
    block = socket.inet_pton(family, client) + socket.inet_pton(family, destination)
    block += port.to_bytes(2, "big") + (443).to_bytes(2, "big") + more
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + bytes([command, kind]) + len(block).to_bytes(2, "big") + block


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def v2_with_checksum():
    blank = v2(more=b"\x03\x00\x04" + bytes(4))
    return blank[:-4] + crc32c(blank).to_bytes(4, "big")


NAMED = {"v1": v1(), "v2": v2(), "v2 with extensions": v2(more=b"\x02\x00\x06a.test\x04\x01\x00" + bytes(256)),
         "v2 with checksum": v2_with_checksum()}
UNNAMED = {"v1": b"PROXY UNKNOWN\r\n", "v1 with addresses": b"PROXY UNKNOWN 192.0.2.7 198.51.100.1 1 2\r\n",
           "v2 local": SIGNATURE + b"\x20\x00\x00\x00", "v2 local with addresses": v2(command=0x20),
           "v2 unspecified": SIGNATURE + b"\x21\x00\x00\x00"}
BAD = {"http": request_bytes(), "tls": b"\x16\x03\x01\x02\x00\x01\x00", "v1 address": v1(client="192.0.2.700"),
       "v1 family": v1(family="TCP6"), "v1 line": v1()[:-2] + b"\n" + request_bytes(),
       "v1 endless": b"PROXY UNKNOWN " + b"f" * 200, "v2 command": v2(command=0x22),
       "v2 length": v2()[:15] + b"\x0b" + v2()[16:], "v2 endless": v2()[:14] + b"\xff\xff" + v2()[16:],
       "v2 checksum": v2_with_checksum()[:-1] + b"\0"}
FAILURES = "proxyd_proxy_header_failures_total"


@pytest.fixture
def backend(make_backend):
    return make_backend(ok())


@pytest.fixture
def proxy(serve, backend):
    return serve(backend, proxy_protocol=HERE)


@pytest.mark.parametrize("kind", NAMED)
def test_the_backend_and_the_log_see_the_client_that_is_named(proxy, backend, kind):
    with RawClient(proxy.http) as client:
        client.send(NAMED[kind] + request_bytes(target="/first"))  # in one segment
        assert client.read_response().status == 200
        for number in range(3):
            assert client.request(target=f"/{number}").status == 200
        forged = [("X-Forwarded-For", "203.0.113.1")]
        assert client.request(target="/forged", headers=forged).status == 200
    requests = backend.wait_requests(5)
    assert {request.header("X-Forwarded-For") for request in requests} == {"192.0.2.7"}
    assert proxy.wait_log(path="/first")["client"] == "192.0.2.7"
    proxy.wait_metric("proxyd_proxy_headers_total", 1)


def test_the_client_may_have_ipv6(proxy, backend):
    for header in (v1("2001:db8::7", family="TCP6", destination="::1"), v2("2001:db8::7")):
        with RawClient(proxy.http) as client:
            client.send(header + request_bytes())
            assert client.read_response().status == 200
    assert {r.header("X-Forwarded-For") for r in backend.wait_requests(2)} == {"2001:db8::7"}


@pytest.mark.parametrize("header", UNNAMED.values(), ids=UNNAMED)
def test_a_header_that_names_nobody_leaves_the_sender(proxy, backend, header):
    with RawClient(proxy.http) as client:
        client.send(header + request_bytes())
        assert client.read_response().status == 200
    assert backend.wait_requests(1)[0].header("X-Forwarded-For") == "127.0.0.1"


@pytest.mark.parametrize("header", NAMED.values(), ids=NAMED)
def test_a_header_may_come_byte_by_byte(proxy, backend, header):
    with RawClient(proxy.http) as client:
        for byte in header + request_bytes():
            client.send(bytes([byte]))
        assert client.read_response().status == 200
    assert backend.wait_requests(1)[0].header("X-Forwarded-For") == "192.0.2.7"


@pytest.mark.parametrize("sent", BAD.values(), ids=BAD)
def test_what_is_no_header_closes_the_connection(proxy, backend, sent):
    with RawClient(proxy.http) as client:
        client.send(sent)
        assert client.is_closed_by_peer()
    proxy.wait_metric(FAILURES + '{why="invalid"}', 1)
    with RawClient(proxy.http) as client:
        client.send(v1() + request_bytes(target="/good"))
        assert client.read_response().status == 200
    assert [request.target for request in backend.requests] == ["/good"]


@pytest.mark.parametrize("sent", [v1() + request_bytes(), v2() + request_bytes(), request_bytes(), b""])
def test_a_peer_that_is_no_sender_is_closed_unread(serve, backend, sent):
    proxy = serve(backend, proxy_protocol=ELSEWHERE)
    with RawClient(proxy.http) as client:
        try:
            client.send(sent)
        except OSError:
            pass  # it was faster
        assert client.is_closed_by_peer()
    proxy.wait_metric(FAILURES + '{why="not_a_sender"}', 1)
    assert backend.requests == []


def test_without_the_setting_a_header_is_a_bad_request(serve, backend):
    proxy = serve(backend)
    with RawClient(proxy.http) as client:
        client.send(v1() + request_bytes())
        assert client.read_response().status == 400
    with RawClient(proxy.http) as client:
        client.send(v2() + request_bytes())
        assert client.read_response().status == 400
    assert backend.requests == []


def test_who_never_sends_a_whole_header_is_closed_in_time(serve, backend):
    proxy = serve(backend, proxy_protocol=HERE, timeouts={"proxy_header_ms": 200})
    with RawClient(proxy.http) as silent, RawClient(proxy.http) as slow:
        slow.send(v1()[:20])
        assert silent.is_closed_by_peer() and slow.is_closed_by_peer()
    proxy.wait_metric(FAILURES + '{why="timeout"}', 2)
    RawClient(proxy.http).close()
    proxy.wait_metric(FAILURES + '{why="closed"}', 1)


def test_only_the_first_header_counts(proxy, backend):
    with RawClient(proxy.http) as client:
        client.send(v1() + v1("203.0.113.1") + request_bytes())
        assert client.read_response().status == 400
    assert backend.requests == []


def test_trusted_proxies_are_those_behind_the_header(serve, backend):
    """A proxy that speaks for others connects by way of a balancer, which tells its address."""
    proxy = serve(backend, proxy_protocol=HERE, trusted_proxies=["192.0.2.7"])
    for address, told in (("192.0.2.7", "203.0.113.1, 192.0.2.7"), ("192.0.2.8", "192.0.2.8")):
        with RawClient(proxy.http) as client:
            client.send(v1(address) + request_bytes(target=f"/{address}", headers=[("X-Forwarded-For", "203.0.113.1")]))
            assert client.read_response().status == 200
        assert backend.wait_requests(1)[-1].header("X-Forwarded-For") == told
    assert proxy.wait_log(path="/192.0.2.7")["client"] == "203.0.113.1"
    assert proxy.wait_log(path="/192.0.2.8")["client"] == "192.0.2.8"


def over_tls(proxy, header, version_split=0):
    """A TLS connection behind `header`, which is sent together with the first bytes of the handshake."""
    client = RawClient(proxy.http)
    wrapped = TlsSocket(client.sock, client_context(), "a.test")

    class Joined:
        """Holds the first write back until it has the header in front of it."""
        is_first = True

        def __getattr__(self, name):
            return getattr(client_sock, name)

        def sendall(self, data):
            if self.is_first:
                self.is_first, data = False, header + data
            client_sock.sendall(data[:version_split])
            client_sock.sendall(data[version_split:])

    client_sock = client.sock
    wrapped.raw = Joined()
    wrapped.handshake()
    client.sock = wrapped
    return client


@pytest.mark.parametrize("kind", NAMED)
def test_the_header_comes_in_front_of_tls(serve, backend, listed, kind):
    proxy = serve(secured(single(backend, proxy_protocol=HERE), listed))
    for split in (0, 5, len(NAMED[kind]), len(NAMED[kind]) + 3):
        with over_tls(proxy, NAMED[kind], split) as client:
            assert client.request(host="a.test").status == 200
    requests = backend.wait_requests(4)
    assert {request.header("X-Forwarded-For") for request in requests} == {"192.0.2.7"}
    assert {request.header("X-Forwarded-Proto") for request in requests} == {"https"}
    with pytest.raises((HandshakeFailed, ConnectionError)):
        over_tls(proxy, b"").close()
    proxy.wait_metric(FAILURES + '{why="invalid"}', 1)


def test_handshakes_are_counted_by_the_client_that_is_named(serve, backend, listed):
    proxy = serve(secured(single(backend, proxy_protocol=HERE), listed, max_handshakes_per_source=1))
    with RawClient(proxy.http) as first, RawClient(proxy.http) as second:
        first.send(v1("192.0.2.1"))
        proxy.wait_metric("proxyd_proxy_headers_total", 1)
        second.send(v1("192.0.2.1"))
        assert second.is_closed_by_peer()
        with over_tls(proxy, v1("192.0.2.2")) as client:
            assert client.request(host="a.test").status == 200
    proxy.wait_metric("proxyd_tls_handshakes_refused_total", 1)


def test_it_is_switched_on_and_off_without_binding_anew(start, tmp_path, backend):
    plain, proxied = single(backend), single(backend, proxy_protocol=HERE)
    proxy = start("--config", write_config(tmp_path / "config", plain), "--workers", "1").wait_ready()
    with RawClient(proxy.http) as kept:
        assert kept.request().status == 200
        write_config(tmp_path / "config", proxied)
        proxy.wait_adopted(2)
        assert kept.request().status == 200
        with RawClient(proxy.http) as client:
            client.send(v1() + request_bytes(target="/named"))
            assert client.read_response().status == 200
            write_config(tmp_path / "config", plain)
            proxy.wait_adopted(3)
            assert client.request(target="/still-named").status == 200
        assert kept.request(target="/plain").status == 200
    assert proxy.wait_log(path="/still-named")["client"] == "192.0.2.7"
    assert proxy.wait_log(path="/plain")["client"] == "127.0.0.1"


def test_who_owes_a_header_does_not_hold_up_the_stop(serve, backend):
    proxy = serve(backend, proxy_protocol=HERE, timeouts={"proxy_header_ms": 86_400_000})
    with RawClient(proxy.http) as silent, RawClient(proxy.http) as late:
        late.send(v1()[:-1])
        with RawClient(proxy.http) as other:  # both were accepted before
            other.send(v1() + request_bytes())
            assert other.read_response().status == 200
        proxy.signal(signal.SIGTERM)
        proxy.wait_line("stopping after")
        late.send(v1()[-1:] + request_bytes(target="/late"))
        assert late.read_response().status == 200
        assert late.is_closed_by_peer() and silent.is_closed_by_peer()
        assert proxy.wait_exit() == 0


def test_a_unix_socket_has_senders_too(start, tmp_path, backend):
    path = str(tmp_path / "socket")
    value = single(backend, proxy_protocol={"senders": ["unix"]})
    value["listeners"][0].update(address=f"unix:{path}", port=0)
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    with RawClient(f"unix:{path}") as client:
        client.send(v2() + request_bytes(target="/unix"))
        assert client.read_response().status == 200
    assert proxy.wait_log(path="/unix")["client"] == "192.0.2.7"


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge", "--http2"])
@pytest.mark.parametrize("speaks_tls", [False, True], ids=["plain", "tls"])
def test_curl_speaks_it(serve, backend, listed, version, speaks_tls):
    value = single(backend, proxy_protocol=HERE)
    proxy = serve(secured(value, listed) if speaks_tls else value)
    target = f"{'https' if speaks_tls else 'http'}://a.test:{proxy.http.rsplit(':', 1)[1]}/"
    done = subprocess.run(["curl", "-sSk", "--haproxy-protocol", version, "--connect-to", f"::{proxy.http}", target,
                           "-w", "%{http_version} %{http_code}", "-o", "/dev/null"], capture_output=True, text=True,
                          check=False, timeout=60)
    expected = "1.1" if version == "--http1.1" or (version == "--http2" and not speaks_tls) else "2"
    assert (done.returncode, done.stdout) == (0, f"{expected} 200"), done.stderr
    assert backend.wait_requests(1)[0].header("X-Forwarded-For") == "127.0.0.1"
    proxy.wait_metric("proxyd_proxy_headers_total", 1)


@pytest.mark.parametrize("version", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
@pytest.mark.parametrize("speaks_tls", [False, True], ids=["plain", "tls"])
def test_haproxy_sends_it(serve, backend, listed, tmp_path, version, speaks_tls):
    value = single(backend, proxy_protocol=HERE)
    proxy = serve(secured(value, listed) if speaks_tls else value)
    tls = " ssl verify none sni str(a.test)" if speaks_tls else ""
    with HAProxy(tmp_path / "haproxy", proxy.http, version + tls) as balancer:
        with RawClient(balancer.address) as client:
            assert client.request(host="a.test").status == 200
    assert backend.wait_requests(1)[0].header("X-Forwarded-For") == "127.0.0.1"
    proxy.wait_metric("proxyd_proxy_headers_total", 1)
