"""h2spec "http2", 8: requests that are malformed, which a backend never gets."""

from table.wire import post
from wire import blocks, frames
from wire.blocks import request
from wire.frames import Code

from .row import MALFORMED, POST, Answered, Row, any_error, connection_error


def malformed(section, what, block, end_stream=True):
    return Row("9113 " + section, what, (frames.headers(1, block, end_stream),), MALFORMED, backend=())


def with_field(section, what, name, value):
    return malformed(section, what, request(b"GET", b"/", (name, value)))


def wrong_length(what, length, *bodies):
    """The backend may have the beginning, as far as the length goes; and if that is all, may have answered."""
    pieces = [frames.data(1, body, end=i == len(bodies) - 1) for i, body in enumerate(bodies)]
    head = frames.headers(1, request(b"POST", b"/", (b"content-length", str(length).encode())), end_stream=False)
    begun = post(body=b"".join(bodies).ljust(length, b"?")[:length])
    is_long = sum(map(len, bodies)) > length
    return Row("9113 8.1.1", "content-length is not that of " + what, (head, *pieces),
               (*MALFORMED, Answered()) if is_long else MALFORMED, backend=(), begun=begun,
               maybe=begun if is_long else b"")


TRAILERS = blocks.fields((b":method", b"GET"))

ROWS = {
    "http2/8.1/1": Row("9113 8.1", "trailers that do not end the stream",
                       (POST, frames.data(1, b"test", end=False),
                        frames.headers(1, blocks.fields((b"x-t", b"1")), end_stream=False)),
                       any_error(Code.PROTOCOL_ERROR), backend=(), begun=post(chunks=b"test")),
    "http2/8.1.2/1": with_field("8.2.1", "an upper-case letter in a name", b"X-TEST", b"ok"),
    "http2/8.1.2.1/1": with_field("8.3", "a pseudo-header field that nobody knows", b":test", b"ok"),
    "http2/8.1.2.1/2": with_field("8.3", "the pseudo-header field of responses", b":status", b"200"),
    "http2/8.1.2.1/3": Row("9113 8.1", "a pseudo-header field in trailers",
                           (POST, frames.data(1, b"test", end=False), frames.headers(1, TRAILERS)),
                           any_error(Code.PROTOCOL_ERROR), backend=(), begun=post(chunks=b"test")),
    "http2/8.1.2.1/4": malformed("8.3", "a pseudo-header field behind another field", blocks.fields(
        (b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b"x", b"1"), (b":path", b"/"))),
    "http2/8.1.2.2/1": with_field("8.2.2", "connection, which is of HTTP/1.1", b"connection", b"keep-alive"),
    "http2/8.1.2.2/2": with_field("8.2.2", "te with something else than trailers", b"te", b"trailers, deflate"),
    "http2/8.1.2.3/1": malformed("8.3.1", ":path is empty", request(path=b"")),
    "http2/8.1.2.3/2": malformed("8.3.1", "no :method", request(method=None)),
    "http2/8.1.2.3/3": malformed("8.3.1", "no :scheme", request(scheme=None)),
    "http2/8.1.2.3/4": malformed("8.3.1", "no :path", request(path=None)),
    "http2/8.1.2.3/5": malformed("8.3.1", ":method twice", blocks.fields((b":method", b"GET")) + request()),
    "http2/8.1.2.3/6": malformed("8.3.1", ":scheme twice", blocks.fields((b":scheme", b"http")) + request()),
    "http2/8.1.2.3/7": malformed("8.3.1", ":path twice", blocks.fields((b":path", b"/")) + request()),
    "http2/8.1.2.6/1": wrong_length("the only DATA", 1, b"test"),
    "http2/8.1.2.6/2": wrong_length("all DATA", 12, b"test", b"test"),
    "http2/8.2/1": Row("9113 8.4", "PUSH_PROMISE of a client", (frames.push_promise(1, 2, request()),),
                       connection_error(Code.PROTOCOL_ERROR), backend=()),
}
