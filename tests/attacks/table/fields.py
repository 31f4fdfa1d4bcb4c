"""Lines and field syntax (RFC 9112 2.2, 5; RFC 9110 5.5), and how much of it there may be."""

from .case import passed, refused
from .wire import HOST, get, got

LINES = {
    "lf-only": refused(b"GET / HTTP/1.1\nHost: a.test\n\n"),
    "lf-one-line": refused(b"GET / HTTP/1.1\r\nHost: a.test\nX: 1\r\n\r\n"),
    "lf-start-line": refused(b"GET / HTTP/1.1\nHost: a.test\r\n\r\n"),
    "lf-last-line": refused(b"GET / HTTP/1.1\r\nHost: a.test\r\n\n"),
    "lf-smuggle": refused(get(b"/", b"X: b\n\nGET /hidden HTTP/1.1")),
    "lf-value": refused(get(b"/", b"X: b\nX-Evil: 1")),
    "lfcr": refused(b"GET / HTTP/1.1\n\rHost: a.test\r\n\r\n"),
    "cr-only": refused(b"GET / HTTP/1.1\rHost: a.test\r\r"),
    "cr-value": refused(get(b"/", b"X: b\rX-Evil: 1")),
    "cr-value-end": refused(get(b"/", b"X: b\r")),
    "cr-name": refused(get(b"/", b"X\rY: b")),
    "crcrlf": refused(b"GET / HTTP/1.1\r\nHost: a.test\r\r\n\r\n"),
    "crcrlf-last": refused(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\r\n"),
    "lead-ws": refused(b"GET / HTTP/1.1\r\n X: b\r\nHost: a.test\r\n\r\n"),
    "lead-ws-host": refused(b"GET / HTTP/1.1\r\n Host: b.test\r\nHost: a.test\r\n\r\n"),
    "lead-tab": refused(b"GET / HTTP/1.1\r\n\tX: b\r\nHost: a.test\r\n\r\n"),
    "obs-fold": refused(get(b"/", b"X: b", b"\tc")),
    "obs-fold-space": refused(get(b"/", b"X: b", b" c")),
    "obs-fold-empty": refused(get(b"/", b"X: b", b" ")),
    "obs-fold-host": refused(b"GET / HTTP/1.1\r\nHost:\r\n a.test\r\n\r\n"),
}

NAMES_AND_VALUES = {
    "nul-value": refused(get(b"/", b"X: b\0c")),
    "ctl-value": refused(get(b"/", b"X: \x01")),
    "ctl-value-esc": refused(get(b"/", b"X: \x1b[2J")),
    "ctl-value-vtab": refused(get(b"/", b"X: \x0bb")),
    "del-value": refused(get(b"/", b"X: \x7f")),
    "nul-name": refused(get(b"/", b"X\0Y: b")),
    "ctl-name": refused(get(b"/", b"X\x01Y: b")),
    "no-colon": refused(get(b"/", b"X-A b")),
    "no-colon-name": refused(get(b"/", b"X-A")),
    "empty-name": refused(get(b"/", b": b")),
    "bad-name": refused(get(b"/", b"X(A): b")),
    "bad-name-at": refused(get(b"/", b"X@A: b")),
    "bad-name-quote": refused(get(b"/", b'"X": b')),
    "bad-name-bracket": refused(get(b"/", b"X[A]: b")),
    "bad-name-slash": refused(get(b"/", b"X/A: b")),
    "hi-name": refused(get(b"/", b"X\xe9: b")),
    "hi-name-long-s": refused(get(b"/", b"Ho\xc5\xbft: b.test")),
    "sp-colon": refused(get(b"/", b"X : b")),
    "sp-name": refused(get(b"/", b"X Y: b")),
    "tab-colon": refused(get(b"/", b"X\t: b")),
    "value-empty": passed(get(b"/", b"X:"), got(b"/", b"X: ")),
    "value-ows": passed(get(b"/", b"X:\t b \t"), got(b"/", b"X: b")),
    "value-no-space": passed(get(b"/", b"X:b"), got(b"/", b"X: b")),
    "value-colons": passed(get(b"/", b"X: :b: c"), got(b"/", b"X: :b: c")),
    "value-tab": passed(get(b"/", b"X: a\tb"), got(b"/", b"X: a\tb")),
    "value-hibyte": passed(get(b"/", b"X: \xe4\xff"), got(b"/", b"X: \xe4\xff")),
    "name-tchars": passed(get(b"/", b"!#$%&'*+-.^`|~9: b"), got(b"/", b"!#$%&'*+-.^`|~9: b")),
}

START = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
LARGE = {
    "big-uri": refused(b"GET /" + b"a" * 200_000, 414),
    "big-uri-query": refused(b"GET /?" + b"a" * 200_000, 414),
    "big-method": refused(b"A" * 200_000, 414),
    "big-header": refused(START + b"X: " + b"a" * 500_000, 431),
    "big-header-blank": refused(START + b"X:" + b" " * 500_000, 431),
    "many-headers": refused(START + b"X: 1\r\n" * 20_000, 431),
    "many-headers-101": refused(START + b"X: 1\r\n" * 100 + b"\r\n", 431),
    "many-headers-100": passed(START + b"X: 1\r\n" * 99 + b"\r\n", got(b"/", *[b"X: 1"] * 99)),
    "endless-name": refused(START + b"X" * 500_000, 431),
}

ROWS = LINES | NAMES_AND_VALUES | LARGE
