"""How a client's bytes reach the proxy. The table knows nothing of it; another transport runs the same rows."""

import re
import select

from support.http_client import RawClient
from support.tls_client import CLOSE_NOTIFY, TlsClient, client_context

MANY_BYTES = 20_000


class TcpLink(RawClient):
    """A plain connection."""

    def has_word(self, timeout):
        """Whether there is something to read, bytes or the end, waiting so long at most."""
        return bool(select.select([self.sock], [], [], timeout)[0])

    def end(self):
        """No more bytes will come from here, but we go on reading."""
        self.sock.shutdown(1)

    def is_end_told_apart(self, is_cut):
        """Of a connection that has ended: whether it said as much as this transport can about having been cut."""
        return True


class TcpTransport:
    """Plain connections. Another transport has the same calls, and so have the links that it opens."""
    name = "tcp"

    def __init__(self, address):
        self.address = address

    def open(self):
        return TcpLink(self.address)

    def to_backend(self, message):
        """What the backend gets where the table, which is about plain connections, has `message`."""
        return message


class TlsLink(TlsClient):
    def has_word(self, timeout):
        return self.sock.has_word(timeout)

    def end(self):
        self.sock.say_close()

    def is_end_told_apart(self, is_cut):
        return self.sock.end == "reset" or (self.sock.end == CLOSE_NOTIFY) != is_cut


# The scheme; and the port, where the client named a host without one.
SAID_OF_TCP = re.compile(rb"(?<=\r\nX-Forwarded-Proto: http)\r\n"
                         rb"((?:X-Forwarded-Host: [^:\r\n]*\r\nX-Forwarded-Port: )80(?=\r\n))?")


class TlsTransport:
    """TLS 1.3, each write in records of its own. No server is named, so the default certificate serves any Host."""
    name = "tls"

    def __init__(self, address):
        self.address = address
        self.context = client_context()

    def open(self):
        return TlsLink(self.address, self.context)

    def to_backend(self, message):
        def say_tls(said):
            return b"s\r\n" + (said[1].removesuffix(b"80") + b"443" if said[1] else b"")

        return SAID_OF_TCP.sub(say_tls, message)


TRANSPORTS = {transport.name: transport for transport in (TcpTransport, TlsTransport)}


def send_whole(link, data):
    link.send(data)


def send_bytewise(link, data):
    """Each byte in a write of its own; of very many only those that are read before the answer."""
    for i in range(len(data)):
        if len(data) > MANY_BYTES and i % 256 == 0 and link.has_word(0):
            return link.send(data[i:])
        link.send(data[i:i + 1])
    return None


PACES = {"whole": send_whole, "bytewise": send_bytewise}


def send(pace, link, data):
    try:
        PACES[pace](link, data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # what was refused is not read to its end for ever


def drip(link, data):
    """Sends a byte each time that nothing came for a moment; returns what was not sent when something did."""
    while data and not link.has_word(0.02):
        send("whole", link, data[:1])
        data = data[1:]
    return data
