"""Requests in a row (RFC 9112 9.3.2, 9.6): answered in order, and nothing is read behind the last."""

from .case import HIDDEN, Answer, Case, echo_of, passed
from .wire import chunked, get, got, head, length, post, to_backend


def refused_behind(good, message, bad, status=400):
    """The first is served, the second refused, and what follows never read."""
    return Case(good + bad, (echo_of(message), Answer(status)), (message,))


ROWS = {
    "pipe-2": passed(get(b"/1") + get(b"/2"), got(b"/1"), got(b"/2")),
    "pipe-100": passed(b"".join(get(b"/%d" % i) for i in range(100)), *[got(b"/%d" % i) for i in range(100)]),
    "pipe-post-get": passed(length(b" 5") + get(b"/2"), post(body=b"hello"), got(b"/2")),
    "pipe-chunked-get": passed(chunked(b"5\r\nhello\r\n0\r\n\r\n") + get(b"/2"), post(chunks=b"hello"), got(b"/2")),
    "pipe-head-get": passed(head(start=b"HEAD /1 HTTP/1.1") + get(b"/2"), to_backend(b"HEAD /1 HTTP/1.1"), got(b"/2")),
    "pipe-body-request": passed(head(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN + get(b"/2"),
                                post(body=HIDDEN), got(b"/2")),
    "pipe-after-bad": refused_behind(get(b"/1"), got(b"/1"), get(b"/2", b"X : 1") + get(b"/3")),
    "pipe-after-bad-framing": refused_behind(get(b"/1"), got(b"/1"),
                                             head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + get(b"/3")),
    "pipe-after-bad-line": refused_behind(length(b" 5"), post(body=b"hello"), b"hello" + get(b"/3")),
    "pipe-after-short-length": refused_behind(length(b" 3"), post(body=b"hel"), b"" + get(b"/3")),
    "pipe-after-long-chunk": refused_behind(chunked(b"0\r\n\r\n"), post(chunks=b""), b"0\r\n\r\n" + get(b"/3")),
    "close-then": passed(get(b"/", b"Connection: close") + HIDDEN, got(), stays_open=False),
    "close-then-case": passed(get(b"/", b"connection: CLOSE") + HIDDEN, got(), stays_open=False),
    "close-then-body": passed(head(b"Connection: close", b"Content-Length: 5") + b"hello" + HIDDEN,
                              post(body=b"hello"), stays_open=False),
    "close-then-http10": passed(get(version=b"HTTP/1.0") + HIDDEN, got(), stays_open=False),
    "http10-keep-alive": passed(get(b"/1", b"Connection: keep-alive", version=b"HTTP/1.0") + get(b"/2"),
                                got(b"/1"), got(b"/2")),
    "crlf-lead": passed(b"\r\n" + get(b"/1"), got(b"/1")),
    "crlf-lead-two": passed(b"\r\n\r\n" + get(b"/1"), got(b"/1")),
    "crlf-between": passed(length(b" 5") + b"\r\n" + get(b"/2"), post(body=b"hello"), got(b"/2")),
    "crlf-lead-three": Case(b"\r\n\r\n\r\n" + get(b"/1"), (Answer(400),)),
    "lf-lead": Case(b"\n" + get(b"/1"), (Answer(400),)),
    "byte-drip": passed(get(b"/1") + length(b" 5") + chunked(b"5\r\nhello\r\n0\r\n\r\n"),
                        got(b"/1"), post(body=b"hello"), post(chunks=b"hello")),
}
