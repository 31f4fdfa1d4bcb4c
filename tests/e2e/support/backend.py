"""Backends in threads: they record every request as raw bytes and answer by script."""

import socket
import threading
from dataclasses import dataclass, field


@dataclass
class Recorded:
    method: str
    target: str
    version: str
    headers: list  # of (name as received, value)
    body: bytes
    raw_head: bytes
    connection: int  # which accepted connection, from 0
    trailers: list = field(default_factory=list)

    def header(self, name):
        values = [value for field_name, value in self.headers if field_name.lower() == name.lower()]
        assert len(values) <= 1, f"several {name}: {values}"
        return values[0] if values else None


def ok(body=b"ok\n", headers=(), status="200 OK"):
    """Bytes of a response with Content-Length."""
    if isinstance(body, str):
        body = body.encode()
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status}\r\n{fields}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


class Held:
    """A handler that answers nothing before it is told to: `with Held() as held`, so that no thread is left waiting."""

    def __init__(self):
        self.arrived, self.released = threading.Event(), threading.Event()

    def __call__(self, conversation):
        self.arrived.set()
        assert self.released.wait(30)
        conversation.send(ok())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release()

    def wait_arrived(self):
        assert self.arrived.wait(30), "no request came"

    def release(self):
        self.released.set()


class Conversation:
    """What a handler gets: the request and the connection to answer on."""

    def __init__(self, backend, sock, request):
        self.backend, self.sock, self.request = backend, sock, request
        self.keep_open = True

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        """Ends the connection after this exchange."""
        self.keep_open = False

    def reset(self):
        """Ends the connection with a RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.keep_open = False


class Backend:
    """`handler` is either bytes, the answer to everything, or a callable taking a Conversation.

    `handler` may be replaced while the backend runs. Each connection has a thread of its own.
    """

    def __init__(self, handler=None, name="backend", address="127.0.0.1"):
        self.name = name
        self.handler = handler if handler is not None else ok(f"served by {name}\n")
        self.lock = threading.Condition()
        self.requests = []
        self.num_connections = 0
        self.socks = set()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 0))
        self.listener.listen(256)
        self.address, self.port = address, self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """Stops listening and cuts every connection."""
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            for sock in self.socks:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def wait_requests(self, count, timeout=30.0):
        """Waits until at least `count` whole requests have come; returns all."""
        with self.lock:
            assert self.lock.wait_for(lambda: len(self.requests) >= count, timeout), (
                f"{self.name}: {len(self.requests)} of {count} requests came")
            return list(self.requests)

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                index = self.num_connections
                self.num_connections += 1
                self.socks.add(sock)
            threading.Thread(target=self._serve, args=(sock, index), daemon=True).start()

    def _serve(self, sock, index):
        stream = sock.makefile("rb")
        try:
            while True:
                request = read_request(stream, index)
                if request is None:
                    return
                with self.lock:
                    self.requests.append(request)
                    self.lock.notify_all()
                    handler = self.handler
                conversation = Conversation(self, sock, request)
                if callable(handler):
                    handler(conversation)
                else:
                    conversation.send(handler)
                if not conversation.keep_open:
                    return
        except (OSError, ValueError):
            return
        finally:
            with self.lock:
                self.socks.discard(sock)
            stream.close()
            sock.close()


def read_request(stream, connection):
    """The next whole request, or None at the end of the connection."""
    request = read_head(stream, connection)
    return request if request is not None and read_body(stream, request) else None


def read_head(stream, connection=0):
    """The next request without its body, or None at the end of the connection."""
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        raw += line
    lines = raw.decode("latin-1").split("\r\n")[:-2]
    method, target, version = lines[0].split(" ")
    headers = [(name, value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines[1:])]
    return Recorded(method, target, version, headers, b"", raw, connection)


def read_body(stream, request):
    """Fills in body and trailers; returns whether they came whole."""
    if (request.header("transfer-encoding") or "").lower() == "chunked":
        pieces = []
        while size := int(stream.readline().split(b";")[0], 16):
            pieces.append(stream.read(size))
            stream.readline()
        while (line := stream.readline()) != b"\r\n":
            if not line:
                return False
            name, _, value = line.decode("latin-1").partition(":")
            request.trailers.append((name, value.strip()))
        request.body = b"".join(pieces)
        return True
    size = int(request.header("content-length") or 0)
    request.body = stream.read(size)
    return len(request.body) == size
