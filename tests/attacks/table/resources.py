"""What costs the proxy time or memory: slow clients, and bodies that grow when somebody unpacks them."""

import gzip

from .case import Answer, SlowCase, passed
from .wire import chunked, get, head, post

ZEROS = gzip.compress(bytes(1 << 20), mtime=0)  # a thousandth of what is in it

ROWS = {
    "gzip-bomb": passed(head(b"Content-Encoding: gzip", b"Content-Length: %d" % len(ZEROS)) + ZEROS,
                        post(b"Content-Encoding: gzip", body=ZEROS)),
}

# A head has one limit for all of it, however steadily it comes; a body one for each pause, and a least rate.
SLOW = {
    "slow-nothing": SlowCase(b"", b"", None),
    "slow-empty-line": SlowCase(b"\r\n", b"", None),
    "slow-head": SlowCase(b"GET / HTTP/1.1\r\nHost: a.test\r\n", b"", Answer(408)),
    "slow-head-drips": SlowCase(b"", get(b"/", b"X: " + b"a" * 2000), Answer(408)),
    "slow-head-drips-line": SlowCase(b"GET /", b"a" * 2000, Answer(408)),
    "slow-head-drips-fields": SlowCase(b"GET / HTTP/1.1\r\n", b"X: 1\r\n" * 90, Answer(408)),
    "slow-head-last-byte": SlowCase(get()[:-1], b"", Answer(408)),
    "slow-body": SlowCase(head(b"Content-Length: 5") + b"hel", b"", Answer(408), post(body=b"hello")),
    "slow-body-at-once": SlowCase(head(b"Content-Length: 5"), b"", Answer(408), post(body=b"hello")),
    "slow-body-drips": SlowCase(head(b"Content-Length: 2000"), b"x" * 2000, Answer(408), post(body=b"x" * 2000)),
    "slow-chunk-drips": SlowCase(chunked(b"7D0\r\n"), b"x" * 2000, Answer(408), post(chunks=b"x" * 2000)),
    "slow-chunk": SlowCase(chunked(b"5\r\nhel"), b"", Answer(408), post(chunks=b"hello")),
    "slow-chunk-size": SlowCase(chunked(b"5"), b"", Answer(408), post(chunks=b"hello")),
    "slow-last-chunk": SlowCase(chunked(b"5\r\nhello\r\n"), b"", Answer(408), post(chunks=b"hello")),
    "slow-trailer": SlowCase(chunked(b"0\r\nX: "), b"", Answer(408), post(chunks=b"")),
    "slow-expect": SlowCase(head(b"Expect: 100-continue", b"Content-Length: 5"), b"", Answer(408),
                            post(b"Expect: 100-continue", body=b"hello")),
}
