"""Connections to a TLS listener on which no handshake comes to its end."""

import socket
import ssl

import pytest

from support.backend import ok
from support.http_client import request_bytes
from support.resources import open_socket
from support.tls_client import VERSIONS, TlsClient, TlsSocket, client_context
from support.waiting import eventually

# Of a connection that is no handshake, and is cut when its time is over.
BEGUN = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)
NOT_TLS = {"plain-http": request_bytes(), "garbage": bytes(range(256)) * 4, "two-bytes": BEGUN[:2],
           "hello-of-16-mb": b"\x16\x03\x01\x40\x00\x01\xff\xff\xff" + bytes(16379),
           "alert": b"\x15\x03\x03\x00\x02\x02\x28", "data-first": b"\x17\x03\x03\x00\x20" + bytes(32),
           "empty-records": b"\x16\x03\x01\x00\x00" * 100}


def read_until_closed(sock):
    data = b""
    try:
        while piece := sock.recv(4096):
            data += piece
    except ConnectionResetError:
        pass
    return data


@pytest.mark.parametrize("name", NOT_TLS)
def test_what_is_no_handshake_is_cut_and_counted(serve_tls, name):
    proxy = serve_tls(settings={"timeouts": {"tls_handshake_ms": 1000}})
    with TlsClient(proxy.http, None, "a.test") as other:
        with open_socket(proxy.http) as sock:
            sock.sendall(NOT_TLS[name])
            said = read_until_closed(sock)
        assert len(said) <= 7, "an alert at most"
        eventually(lambda: proxy.metric("proxyd_tls_handshake_failures_total") == 1, "it to be counted")
        assert other.request(host="a.test").body == b"ok\n"
    assert proxy.metric("proxyd_tls_handshakes_total") == 1
    assert len(proxy.log_entries()) <= 1, "there was no other request"


@pytest.mark.parametrize("sent", [b"", BEGUN], ids=["silence", "begun"])
def test_a_handshake_that_does_not_go_on_is_cut(serve_tls, sent):
    proxy = serve_tls(settings={"timeouts": {"tls_handshake_ms": 1000}})
    with open_socket(proxy.http) as sock, TlsClient(proxy.http, None, "a.test") as other:
        sock.sendall(sent)
        assert read_until_closed(sock) == b""
        assert proxy.metric("proxyd_tls_handshake_failures_total") == 1
        assert other.request(host="a.test").body == b"ok\n"
    with open_socket(proxy.http) as sock:  # by the client itself
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        read_until_closed(sock)
    eventually(lambda: proxy.metric("proxyd_tls_handshake_failures_total") == 2, "it to be counted")


def test_a_handshake_byte_by_byte(serve_tls, certificates):
    """Also the name may come in the last piece."""
    proxy = serve_tls()
    with open_socket(proxy.http) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bytewise = Bytewise(sock)
        tls = TlsSocket(bytewise, client_context(), "a.test")
        tls.handshake()
        assert tls.tls.getpeercert(binary_form=True) == certificates["a"].der
        tls.sendall(request_bytes(host="a.test"))
        assert tls.recv(1000).startswith(b"HTTP/1.1 200 ")


class Bytewise:
    """A socket that sends each byte on its own."""

    def __init__(self, sock):
        self.recv = sock.recv
        self.send = sock.sendall

    def sendall(self, data):
        for i in range(len(data)):
            self.send(data[i:i + 1])


@pytest.mark.parametrize("version", VERSIONS)
def test_a_record_that_was_changed_ends_the_connection_with_an_alert(serve_tls, make_backend, version):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend)
    context = client_context(versions=VERSIONS[version])
    with TlsClient(proxy.http, context, "a.test") as client, TlsClient(proxy.http, None, "a.test") as other:
        client.send(request_bytes("POST", host="a.test", headers=[("Content-Length", "100")]) + b"x" * 50)
        record = bytearray(client.sock.encrypt(b"x" * 50))
        record[20] ^= 1
        client.sock.raw.sendall(record)
        with pytest.raises(ssl.SSLError, match="bad record mac"):
            client.read_to_end()
        assert other.request(host="a.test").body == b"ok\n"
    eventually(lambda: proxy.metric("proxyd_connections_open") == 0, "both to be gone")
    assert [request.method for request in backend.requests] == ["GET"], "half a body is no request"
