"""An HTTP/1 client that sends exactly the bytes it is told to and reads responses strictly."""

import socket
from dataclasses import dataclass, field


@dataclass
class Response:
    status: int
    reason: str
    headers: list  # of (lower-case name, value), in order
    body: bytes = b""
    trailers: list = field(default_factory=list)
    version: str = "HTTP/1.1"
    is_whole: bool = True  # False: the connection ended within the body

    def header(self, name):
        """The only value of that name, or None; fails when there are several."""
        values = self.headers_named(name)
        assert len(values) <= 1, f"several {name}: {values}"
        return values[0] if values else None

    def headers_named(self, name):
        return [value for field_name, value in self.headers if field_name == name.lower()]

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


class ConnectionEnded(Exception):
    """The peer closed before a response began."""


def to_address(text):
    """'127.0.0.1:80', '[::1]:80' or 'unix:/path' -> (family, address)."""
    if text.startswith("unix:"):
        return socket.AF_UNIX, text[5:]
    host, port = text.rsplit(":", 1)
    if host.startswith("["):
        return socket.AF_INET6, (host[1:-1], int(port))
    return socket.AF_INET, (host, int(port))


def request_bytes(method="GET", target="/", host="example.com", headers=(), body=None, version="HTTP/1.1"):
    """A well-formed request; a body gets a Content-Length unless `headers` frames it."""
    fields = [("Host", host)] if host is not None else []
    fields += list(headers)
    names = {name.lower() for name, _ in fields}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}"] + [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class RawClient:
    """One connection. `timeout` bounds every single wait."""

    def __init__(self, address, timeout=30.0):
        family, peer = to_address(address)
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        self.sock.connect(peer)
        if family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def request(self, method="GET", target="/", **kwargs):
        """Sends one request and reads its final response."""
        self.send(request_bytes(method, target, **kwargs))
        return self.read_response(method)

    def is_closed_by_peer(self):
        """Waits until the peer closes; False when bytes come instead."""
        if self.unread:
            return False
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True

    def read_response(self, method="GET", skip_interim=True):
        while True:
            response = self.read_head()
            if response.status >= 200 or response.status == 101 or not skip_interim:
                break
        if response.status >= 200:
            self.read_body(response, method)
        return response

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.unread += data
        return data != b""

    def _read_line(self):
        while b"\r\n" not in self.unread:
            if not self._more():
                raise ConnectionEnded(self.unread)
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line.decode("latin-1")

    def _read_fields(self):
        fields = []
        while True:
            line = self._read_line()
            if line == "":
                return fields
            name, colon, value = line.partition(":")
            assert colon and name == name.strip(), f"bad header line {line!r}"
            fields.append((name.lower(), value.strip(" \t")))

    def read_head(self):
        """The next head, interim or final, as a Response without body."""
        version, status, reason = (self._read_line() + " ").split(" ", 2)
        assert version in ("HTTP/1.0", "HTTP/1.1"), version
        return Response(int(status), reason.strip(), self._read_fields(), version=version)

    def read_exactly(self, size):
        """As many bytes, or fewer when the connection ends."""
        pieces, missing = [], size
        while missing > 0 and (self.unread or self._more()):
            pieces.append(self.unread[:missing])
            self.unread = self.unread[missing:]
            missing -= len(pieces[-1])
        return b"".join(pieces)

    def read_body(self, response, method="GET"):
        """Fills in what follows the head `response`."""
        if method == "HEAD" or response.status in (204, 304):
            return
        length = response.header("content-length")
        coding = response.header("transfer-encoding")
        assert length is None or coding is None, "both framings at once"
        if coding is not None:
            assert coding.lower() == "chunked", coding
            self._read_chunks(response)
        elif length is not None:
            response.body = self.read_exactly(int(length))
            response.is_whole = len(response.body) == int(length)
        else:
            while self._more():
                pass
            response.body, self.unread = self.unread, b""

    def _read_chunks(self, response):
        pieces = []
        try:
            while size := int(self._read_line().split(";")[0], 16):
                pieces.append(self.read_exactly(size))
                if len(pieces[-1]) < size or self._read_line() != "":
                    response.is_whole = False
                    break
            else:
                response.trailers = self._read_fields()
        except ConnectionEnded:
            response.is_whole = False
        response.body = b"".join(pieces)


def fetch(address, target="/", method="GET", **kwargs):
    """One request on a connection of its own."""
    with RawClient(address) as client:
        return client.request(method, target, **kwargs)
