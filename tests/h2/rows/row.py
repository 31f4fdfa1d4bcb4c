"""What a row says: what is sent, and which answers are allowed."""

from dataclasses import dataclass

from wire import frames
from wire.blocks import request
from wire.frames import Code, Setting


@dataclass(frozen=True)
class ConnectionError:
    """GOAWAY with one of `codes`, and the connection is closed (RFC 9113 5.4.1)."""
    codes: tuple
    needs_goaway: bool = True  # False: it may be closed without a word


@dataclass(frozen=True)
class StreamError:
    """RST_STREAM with one of `codes` on the stream that is watched; the connection goes on (RFC 9113 5.4.2)."""
    codes: tuple


@dataclass(frozen=True)
class Answered:
    """The stream that is watched is answered whole, and the connection goes on."""
    statuses: tuple = (200,)
    body: bytes | None = None
    num_body_bytes: int | None = None  # exactly so many so far, and the stream need not have ended
    is_last: bool = False  # the connection may end with it


@dataclass(frozen=True)
class Ignored:
    """No error comes of it, and the connection goes on."""


@dataclass(frozen=True)
class Row:
    section: str  # "9113 5.1": the RFC that is in force, and the section of it
    what: str  # what is sent and why that answer is due, in a line
    steps: tuple  # bytes, which are sent; or a call that takes the client
    allowed: tuple  # any of these
    backend: tuple | None = None  # the messages that the backend gets, whole; None: not this row's business
    maybe: bytes = b""  # a message that the backend may get whole beside those
    begun: bytes = b""  # a message that the backend may get the beginning of, but never the end
    settings: tuple = ()  # of ours
    opening: bytes | None = None  # sent instead of preface and settings


GET = frames.headers(1, request())
POST = frames.headers(1, request(b"POST"), end_stream=False)
NO_WINDOW = ((Setting.INITIAL_WINDOW_SIZE, 0),)  # an answer cannot end, so that the stream stays as it is


def connection_error(*codes):
    return (ConnectionError(codes),)


def stream_error(*codes):
    return (StreamError(codes),)


def any_error(*codes):
    """A stream error that a peer may make one of the connection (5.4.1)."""
    return (StreamError(codes), ConnectionError(codes))


ANSWERED = (Answered(),)
IGNORED = (Ignored(),)
MALFORMED = (*stream_error(Code.PROTOCOL_ERROR), Answered((400,)))  # 8.1.1


def answered_on(number):
    """A step: waits until the stream `number` has its whole answer, and is closed."""
    return lambda client: client.wait_done(number)


def head_of(number):
    """A step: waits until the answer to `number` has begun, and goes no further without a window."""
    return lambda client: client.wait(lambda: client.stream(number).status, f"a head on stream {number}")


def body_of(number, size):
    """A step: waits for so many bytes."""
    return lambda client: client.wait(lambda: len(client.stream(number).body) >= size, f"{size} bytes of body")


def watch(number):
    """A step: the answer is due on another stream than 1."""
    def turn(client):
        client.watched = number

    return turn


def sync(client):
    """A step: all before has been acted on."""
    client.sync()


def acknowledged(*pairs):
    """A step: settings, and the wait for their ack."""
    def change(client):
        before = client.num_settings_acks
        client.send(frames.settings(*pairs))
        client.wait(lambda: client.num_settings_acks > before, "the ack of settings")

    return change
