"""Expect (RFC 9110 10.1.1), and backends that answer before they have read the body."""

from .case import HIDDEN, Answer, Case, Script, echo_of, passed, refused
from .wire import chunked, head, post

EXPECT = b"Expect: 100-continue"
LENGTH = b"Content-Length: %d" % len(HIDDEN)
NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def early(sends, begun, answer=NO, then="keep"):
    """The backend answers the head alone, and keeps its connection or ends it. The body is a request, which
    nobody may ever read as one: neither connection is used again."""
    status = int(answer[9:12])
    return Case(sends, (Answer(status, answer[-2:], "POST"),), begun=begun, late=LATE,
                script=Script(at_head=answer, then=then))


def late(*lines, body, message):
    """The client sends its body when the backend asks for it."""
    return Case(head(*lines), (Answer(100), echo_of(message)), (message,), stays_open=True, continued=body,
                script=Script(at_head=CONTINUE))


HALF = HIDDEN[:20]  # of the body, when the answer comes
LATE = HIDDEN[20:] + HIDDEN

ROWS = {
    "expect-now": passed(head(EXPECT, LENGTH) + HIDDEN, post(EXPECT, body=HIDDEN)),
    "expect-now-chunked": passed(chunked(b"5\r\nhello\r\n0\r\n\r\n", EXPECT), post(EXPECT, chunks=b"hello")),
    "expect-case": passed(head(b"expect: 100-Continue", LENGTH) + HIDDEN, post(b"expect: 100-Continue", body=HIDDEN)),
    # HTTP/1.0 expects nothing: in our request, of HTTP/1.1, the backend would heed it.
    "expect-http10": passed(head(EXPECT, LENGTH, start=b"POST / HTTP/1.0") + HIDDEN, post(body=HIDDEN),
                            stays_open=False),
    "expect-http10-other": passed(head(b"Expect: 200-ok", LENGTH, start=b"POST / HTTP/1.0") + HIDDEN,
                                  post(body=HIDDEN), stays_open=False),
    "expect-late": late(EXPECT, LENGTH, body=HIDDEN, message=post(EXPECT, body=HIDDEN)),
    "expect-late-chunked": late(EXPECT, b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n",
                                message=post(EXPECT, chunks=b"hello")),
    "expect-unknown": refused(head(b"Expect: y 100-continue", LENGTH), 417),
    "expect-other": refused(head(b"Expect: 200-ok", LENGTH), 417),
    "expect-list": refused(head(b"Expect: 100-continue, x", LENGTH), 417),
    "expect-empty": refused(head(b"Expect:", LENGTH), 417),
    "expect-final": early(head(EXPECT, LENGTH), post(EXPECT, body=HIDDEN)),
    "expect-final-body": early(head(EXPECT, LENGTH) + HALF, post(EXPECT, body=HIDDEN)),
    "expect-final-ok": early(head(EXPECT, LENGTH), post(EXPECT, body=HIDDEN), OK),
    "expect-final-close": early(head(EXPECT, LENGTH), post(EXPECT, body=HIDDEN), then="close"),
    "early-body": early(head(LENGTH) + HALF, post(body=HIDDEN)),
    "early-body-none": early(head(LENGTH), post(body=HIDDEN)),
    "early-body-ok": early(head(LENGTH) + HALF, post(body=HIDDEN), OK),
    "early-body-close": early(head(LENGTH) + HALF, post(body=HIDDEN), then="close"),
    "early-te": early(chunked(b"26\r\n" + HALF), post(chunks=HIDDEN)),
    "early-te-none": early(chunked(b""), post(chunks=HIDDEN)),
    "early-te-close": early(chunked(b"26\r\n" + HALF), post(chunks=HIDDEN), then="close"),
}
