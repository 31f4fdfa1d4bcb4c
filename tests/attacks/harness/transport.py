"""How a client's bytes reach the proxy. The table knows nothing of it; another transport runs the same rows."""

import select

from support.http_client import RawClient

MANY_BYTES = 20_000


class TcpTransport:
    """Plain connections. Another transport has the same name() and open(); what open() returns, the same calls."""
    name = "tcp"

    def __init__(self, address):
        self.address = address

    def open(self):
        return RawClient(self.address)


def send_whole(link, data):
    link.send(data)


def send_bytewise(link, data):
    """Each byte in a write of its own; of very many only those that are read before the answer."""
    for i in range(len(data)):
        if len(data) > MANY_BYTES and i % 256 == 0 and select.select([link.sock], [], [], 0)[0]:
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
    while data and not select.select([link.sock], [], [], 0.02)[0]:
        send("whole", link, data[:1])
        data = data[1:]
    return data
