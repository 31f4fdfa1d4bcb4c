"""What a row says: what is sent, and everything that may come of it."""

from dataclasses import dataclass

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"


@dataclass(frozen=True)
class Answer:
    """A whole answer that the client gets. `body` None: the proxy's own text, which is not the table's business."""
    status: int
    body: bytes | None = None
    method: str = "GET"  # of the request that it answers


@dataclass(frozen=True)
class Script:
    """How the backend answers a request."""
    at_head: bytes = b""  # sent when the head has come
    at_end: bytes | None = None  # sent when all of it has; None: its request line comes back
    then: str = "keep"  # what becomes of the connection: "keep", "close" or "reset"


@dataclass(frozen=True)
class Case:
    """A client's bytes, and what becomes of them."""
    sends: bytes
    answers: tuple  # of Answer, in order; nothing else may come
    backend: tuple = ()  # the messages that the backend gets, byte for byte but for what varies (wire.to_backend)
    begun: bytes = b""  # a message that the backend may get the beginning of, but never the end
    stays_open: bool = False  # the next request on the same connection is served; else it is closed
    ends: bool = False  # the client closes its half behind the bytes
    continued: bytes = b""  # sent when the client has been told to continue
    late: bytes | None = None  # sent behind the answers, where HIDDEN stands otherwise
    script: Script = Script()
    listener: str = "default"  # or another of table.listeners


@dataclass(frozen=True)
class BackendCase:
    """A backend's bytes in answer to a request, and what the client gets."""
    script: Script
    status: int
    body: bytes | None = None  # None: the proxy's own text
    fields: tuple | None = None  # all fields of the answer, (lower-case name, value)
    # The client may have got the beginning when the fault comes; it never looks whole. Otherwise it gets a 502.
    is_cut: bool = False
    is_retried: bool = False  # asked once more where the connection was an old one, and nothing came back
    is_reused: bool = False  # the connection to the backend serves the next request
    is_closed: bool = False  # the client's connection ends with the answer
    method: str = "GET"


@dataclass(frozen=True)
class SlowCase:
    """A client that takes its time: `sends`, then `drips` byte by byte as long as nothing comes, then it waits."""
    sends: bytes
    drips: bytes
    answer: Answer | None  # None: the connection is closed without a word
    begun: bytes = b""


def refused(sends, status=400, begun=b"", listener="default"):
    """The only answer is `status`, the connection is closed, and the backend gets no whole message."""
    return Case(sends, (Answer(status),), begun=begun, listener=listener)


def truncated(sends, begun=b""):
    """The client ends its half too early, and the backend must not take what came for the whole."""
    return Case(sends, (Answer(400),), begun=begun, ends=True)


def passed(sends, *messages, stays_open=True, listener="default"):
    """The backend gets exactly `messages`, and answers each with its request line (harness.recorder)."""
    return Case(sends, tuple(echo_of(message) for message in messages), messages, stays_open=stays_open,
                listener=listener)


def echo_of(message):
    line = message.split(b"\r\n", 1)[0]
    method = line.split(b" ", 1)[0].decode()
    return Answer(200, b"" if method == "HEAD" else line, method)
