"""The rows of the bench: what is asked of every proxy."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    title: str
    load: tuple[str, ...] = ()
    # Requests of the short and the long run that instructions and system calls are counted in.
    counted: tuple[int, int] = (1000, 6000)
    kind: str = "timed"  # how it is measured and by whom, see run.py
    unit: str = "request"
    backend: str = "own"    # "own": in HTTP/1.1, plain; "tls": nginx, with TLS; "grpc": nghttpd

    @property
    def has_tls(self) -> bool:
        return "--tls" in self.load

    @property
    def has_http2(self) -> bool:
        return "--h2" in self.load

    @property
    def is_grpc(self) -> bool:
        return "--grpc" in self.load

    @property
    def group(self) -> str:
        """For the exchange of keys, with TLS."""
        return self.load[self.load.index("--group") + 1] if "--group" in self.load else "X25519"

    @property
    def is_counted(self) -> bool:
        """Whether instructions and system calls are counted: pace and length of the table do not change them."""
        return self.kind in ("timed", "log")


def handshakes(name: str, title: str, *load: str) -> Row:
    return Row(name, f"{title}, 8 parallel clients", ("--tls", "--handshakes", "--connections", "8", *load), (100, 500),
               unit="handshake")


ROWS = {row.name: row for row in (
    Row("1k", "1 KB, kept connections, 64 clients", ("--path", "/1k", "--expect", "1024")),
    Row("64k", "64 KB, kept connections, 64 clients", ("--path", "/64k", "--expect", "65536"), (500, 2500)),
    Row("1m", "1 MB, kept connections, 64 clients", ("--path", "/1m", "--expect", "1048576"), (64, 320)),
    Row("new", "1 KB, a new client connection for each request", ("--path", "/1k", "--new-connections"), (500, 2500)),
    Row("paced", "1 KB, at a quarter of what the slowest can do", ("--path", "/1k",), kind="paced"),
    Row("post", "POST of 64 KB, answer of 1 KB", ("--path", "/1k", "--post", "65536"), (500, 2500)),
    Row("routes", "1 KB, hosts at random from 100,000: one route for all of them, and a route for each",
        ("--path", "/1k", "--hosts", "100000"), kind="routes"),
    Row("log", "1 KB, without and with access log and admin address", ("--path", "/1k"), kind="log"),
    Row("https", "1 KB over TLS 1.3, kept connections, 64 clients", ("--tls", "--path", "/1k", "--expect", "1024")),
    Row("h2", "1 KB by HTTP/2 over TLS 1.3, 16 connections with 16 streams each", ("--h2", "--tls", "--path", "/1k"),
        (2000, 10000)),
    Row("grpc", "gRPC, unary calls of 100 bytes: HTTP/2 over TLS 1.3 and to the backend, 16 connections with 16 streams each",
        ("--h2", "--tls", "--grpc", "--path", "/bench.Echo/Call"), (2000, 10000), unit="call", backend="grpc"),
    Row("backend-tls", "1 KB, TLS 1.3 to the backend, kept connections, 64 clients", ("--path", "/1k", "--expect", "1024"),
        backend="tls"),
    handshakes("handshakes", "TLS 1.3 handshakes, ECDSA P-256 and X25519"),
    handshakes("resumed", "TLS 1.3 handshakes that resume a session, X25519", "--resume"),
    handshakes("hybrid", "TLS 1.3 handshakes, ECDSA P-256 and X25519MLKEM768", "--group", "X25519MLKEM768"),
    Row("memory", "idle connections, one request served on each", kind="memory"),
    Row("tls-memory", "idle connections over TLS 1.3, one request served on each", ("--tls",), kind="memory"),
    Row("storm", "2,000 requests/s while the configuration changes", kind="storm"),
)}
