"""How a client reaches a peer: plain TCP, where the preface alone says HTTP/2, or TLS, where ALPN does."""

import select

from support.http_client import RawClient
from support.tls_client import TlsClient, client_context
from harness.transport import TcpTransport, TlsTransport
from wire.client import TIMEOUT_S, Http2Client

MANY_BYTES = 500


class TcpLink(RawClient):
    def has_word(self, timeout):
        return bool(select.select([self.sock], [], [], timeout)[0])


class TlsLink(TlsClient):
    def has_word(self, timeout):
        return self.sock.has_word(timeout)


class Tcp:
    """`to_backend`: what the backend gets where a row, which is about plain connections, has a message."""
    name = "tcp"
    to_backend = staticmethod(TcpTransport("").to_backend)

    @staticmethod
    def open(address):
        return Http2Client(TcpLink(address, TIMEOUT_S))


class Tls:
    name = "tls"
    to_backend = staticmethod(TlsTransport("").to_backend)

    @staticmethod
    def open(address):
        link = TlsLink(address, client_context(protocols=["h2"]), timeout=TIMEOUT_S)
        assert link.tls.selected_alpn_protocol() == "h2", "the peer does not speak HTTP/2 over TLS"
        return Http2Client(link)


def send_bytewise(send):
    """A send() that writes each byte on its own; of very many, only the first."""
    def send_apart(data):
        for i in range(min(len(data), MANY_BYTES)):
            send(data[i:i + 1])
        if len(data) > MANY_BYTES:
            send(data[MANY_BYTES:])

    return send_apart


LINKS = {link.name: link for link in (Tcp, Tls)}
