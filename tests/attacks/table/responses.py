"""Answers of backends (RFC 9112 6.3, 5.1, 9.3; RFC 9110 15.2): refused, made good, or cut; never completed."""

from .case import BackendCase, Script

GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
LENGTH_4 = ("content-length", "4")


def head(*lines, status=b"200 OK", version=b"HTTP/1.1"):
    return b"\r\n".join([version + b" " + status, *lines, b"", b""])


def bad(sends, then="keep", **more):
    """No client sees anything of it."""
    return BackendCase(Script(at_end=sends, then=then), 502, **more)


def cut(sends, then="keep", body=b"hello"):
    """The fault comes behind the head: the client may have it and some of `body`, but never an end."""
    return BackendCase(Script(at_end=sends, then=then), 200, body, is_cut=True)


def good(sends, status=200, body=b"", fields=None, then="keep", **more):
    return BackendCase(Script(at_end=sends, then=then), status, body, fields, **more)


FRAMING = {
    "r-cl-dup": bad(head(b"Content-Length: 4", b"Content-Length: 5") + b"good"),
    "r-cl-dup-equal": bad(head(b"Content-Length: 4", b"Content-Length: 4") + b"good"),
    "r-cl-list": bad(head(b"Content-Length: 4, 4") + b"good"),
    "r-cl-plus": bad(head(b"Content-Length: +4") + b"good"),
    "r-cl-minus": bad(head(b"Content-Length: -4") + b"good"),
    "r-cl-empty": bad(head(b"Content-Length:") + b"good"),
    "r-cl-overflow": bad(head(b"Content-Length: 18446744073709551620") + b"good"),
    "r-te-cl": bad(head(b"Transfer-Encoding: chunked", b"Content-Length: 4") + b"4\r\ngood\r\n0\r\n\r\n"),
    "r-cl-te": bad(head(b"Content-Length: 4", b"Transfer-Encoding: chunked") + b"4\r\ngood\r\n0\r\n\r\n"),
    "r-te-unknown": bad(head(b"Transfer-Encoding: gzip") + b"good"),
    "r-te-list": bad(head(b"Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n"),
    "r-te-twice": bad(head(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked") + b"0\r\n\r\n"),
    "r-te-identity": bad(head(b"Transfer-Encoding: identity") + b"good"),
    "r-te-http10": bad(head(b"Transfer-Encoding: chunked", version=b"HTTP/1.0") + b"0\r\n\r\n"),
    "r-head-te-cl": bad(head(b"Transfer-Encoding: chunked", b"Content-Length: 4"), method="HEAD"),
    "r-204-te-cl": bad(head(b"Transfer-Encoding: chunked", b"Content-Length: 4", status=b"204 No Content")),
    "r-304-cl-dup": bad(head(b"Content-Length: 4", b"Content-Length: 5", status=b"304 Not Modified")),
}

SYNTAX = {
    "r-lf": bad(b"HTTP/1.1 200 OK\nContent-Length: 4\n\ngood"),
    "r-lf-value": bad(head(b"X: a\nY: b", b"Content-Length: 4") + b"good"),
    "r-cr-value": bad(head(b"X: a\rY: b", b"Content-Length: 4") + b"good"),
    "r-nul": bad(head(b"X: a\0b", b"Content-Length: 4") + b"good"),
    "r-ctl": bad(head(b"X: \x01", b"Content-Length: 4") + b"good"),
    "r-space-colon": bad(head(b"X : a", b"Content-Length: 4") + b"good"),
    "r-space-colon-cl": bad(head(b"Content-Length : 4") + b"good"),
    "r-no-colon": bad(head(b"X", b"Content-Length: 4") + b"good"),
    "r-fold": bad(head(b"X: a", b" b", b"Content-Length: 4") + b"good"),
    "r-name": bad(head(b"X(A): b", b"Content-Length: 4") + b"good"),
    "r-garbage": bad(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "r-garbage-html": bad(b"<html>good</html>", then="close"),
    "r-garbage-tls": bad(b"\x15\x03\x01\x00\x02\x02\x46"),
    "r-garbage-crlf": bad(b"\r\n" + GOOD),
    "r-nothing": bad(b"", then="close", is_retried=True),
    "r-status": bad(head(b"Content-Length: 0", status=b"99999 OK")),
    "r-status-000": bad(head(b"Content-Length: 0", status=b"000 OK")),
    "r-status-099": bad(head(b"Content-Length: 0", status=b"099 OK")),
    "r-status-600": bad(head(b"Content-Length: 0", status=b"600 OK")),
    "r-status-short": bad(head(b"Content-Length: 0", status=b"20 OK")),
    "r-status-letters": bad(head(b"Content-Length: 0", status=b"2x0 OK")),
    "r-status-minus": bad(head(b"Content-Length: 0", status=b"-200 OK")),
    "r-version-2": bad(head(b"Content-Length: 4", version=b"HTTP/2.0") + b"good"),
    "r-version-case": bad(head(b"Content-Length: 4", version=b"http/1.1") + b"good"),
    "r-reason-ctl": bad(head(b"Content-Length: 4", status=b"200 O\x01K") + b"good"),
    "r-big-field": bad(head(b"X: " + b"a" * (2 << 20), b"Content-Length: 4") + b"good"),
    "r-many-fields": bad(head(*[b"X: 1"] * 20_000)),
}

BODIES = {
    "r-chunk-bad": cut(head(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\nzz\r\n"),
    "r-chunk-0x": cut(head(b"Transfer-Encoding: chunked") + b"0x5\r\nhello\r\n0\r\n\r\n", body=b""),
    "r-chunk-minus": cut(head(b"Transfer-Encoding: chunked") + b"-5\r\nhello\r\n0\r\n\r\n", body=b""),
    "r-chunk-overflow": cut(head(b"Transfer-Encoding: chunked") + b"10000000000000005\r\nhello\r\n0\r\n\r\n", body=b""),
    "r-chunk-lf": cut(head(b"Transfer-Encoding: chunked") + b"5\nhello\n0\n\n", body=b""),
    "r-chunk-spill": cut(head(b"Transfer-Encoding: chunked") + b"5\r\nhelloXX\r\n0\r\n\r\n"),
    "r-chunk-ext-lf": cut(head(b"Transfer-Encoding: chunked") + b"5;\nx\r\nhello\r\n0\r\n\r\n", body=b""),
    "r-chunk-trailer": cut(head(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\nX : 1\r\n\r\n"),
    "r-chunk-short": cut(head(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n", then="close"),
    "r-chunk-short-last": cut(head(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n", then="close"),
    "r-short": cut(head(b"Content-Length: 10") + b"hello", then="close"),
    "r-short-all": cut(head(b"Content-Length: 10"), then="close", body=b""),
    "r-short-rst": cut(head(b"Content-Length: 10") + b"hello", then="reset"),
    "r-rst": bad(b"", then="reset", is_retried=True),
    "r-rst-head": bad(b"HTTP/1.1 200 OK\r\nContent-Le", then="reset"),
    "r-rst-close": cut(head() + b"hello", then="reset"),
    "r-short-head": bad(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n", then="close"),
    "r-chunk-ok": good(head(b"Transfer-Encoding: chunked") + b"5;a=b\r\nhello\r\n0\r\n\r\n", body=b"hello",
                       fields=(("transfer-encoding", "chunked"),), is_reused=True),
    "r-close": good(head() + b"to the end", body=b"to the end", fields=(("transfer-encoding", "chunked"),),
                    then="close"),
    "r-http10-close": good(head(version=b"HTTP/1.0") + b"to the end", body=b"to the end", then="close"),
}

BEHIND = {
    "r-extra": good(GOOD + EVIL, body=b"good", fields=(LENGTH_4,)),
    "r-extra-byte": good(GOOD + b"!", body=b"good", fields=(LENGTH_4,)),
    "r-extra-crlf": good(GOOD + b"\r\n", body=b"good", fields=(LENGTH_4,)),
    "r-extra-chunked": good(head(b"Transfer-Encoding: chunked") + b"4\r\ngood\r\n0\r\n\r\n" + EVIL, body=b"good"),
    "r-long": good(GOOD + b"er than its length", body=b"good", fields=(LENGTH_4,)),
    "r-long-empty": good(head(b"Content-Length: 0") + EVIL, fields=(("content-length", "0"),)),
    "r-204-bytes": good(head(status=b"204 No Content") + EVIL, 204, fields=()),
    "r-204-length": good(head(b"Content-Length: 4", status=b"204 No Content") + b"evil", 204, fields=()),
    "r-304-bytes": good(head(b"Content-Length: 4", status=b"304 Not Modified") + b"evil", 304, fields=(LENGTH_4,)),
    "r-head-bytes": good(head(b"Content-Length: 4") + b"evil", fields=(LENGTH_4,), method="HEAD"),
    "r-head-chunked": good(head(b"Transfer-Encoding: chunked") + b"4\r\nevil\r\n0\r\n\r\n", method="HEAD", fields=()),
}

INTERIM = {
    "r-103-flood": bad(EARLY_HINTS * 2000 + GOOD),
    "r-103-17": bad(EARLY_HINTS * 17 + GOOD),
    "r-103-16": good(EARLY_HINTS * 16 + GOOD, body=b"good", is_reused=True),
    "r-100": good(b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, body=b"good", is_reused=True),
    "r-100-body": bad(head(b"Content-Length: 4", status=b"100 Continue") + b"evil" + GOOD),
    "r-101": bad(head(b"Connection: Upgrade", b"Upgrade: websocket", status=b"101 Switching Protocols") + EVIL),
    "r-101-plain": bad(head(status=b"101 Switching Protocols") + GOOD),
    "r-199": good(head(status=b"199 Odd") + GOOD, body=b"good", is_reused=True),
}

FIELDS = {
    "r-hop": good(head(b"Connection: X-Gone, keep-alive", b"X-Gone: 1", b"Keep-Alive: max=5", b"Upgrade: h2c",
                       b"Proxy-Authenticate: Basic", b"Proxy-Connection: close", b"X-Kept: 2", b"Content-Length: 4")
                  + b"good", body=b"good", fields=(("x-kept", "2"), LENGTH_4), is_reused=True),
    "r-hop-cl": good(head(b"Connection: Content-Length", b"Content-Length: 4") + b"good", body=b"good",
                     fields=(LENGTH_4,), is_reused=True),
    "r-hop-close": good(head(b"Connection: close", b"Content-Length: 4") + b"good", body=b"good", fields=(LENGTH_4,)),
    "r-hop-http10": good(head(b"Content-Length: 4", version=b"HTTP/1.0") + b"good", body=b"good", fields=(LENGTH_4,)),
    "r-trailer-cl": good(head(b"Transfer-Encoding: chunked") + b"4\r\ngood\r\n0\r\nContent-Length: 9\r\nX: 1\r\n\r\n",
                         body=b"good", fields=(("transfer-encoding", "chunked"),), is_reused=True),
    "r-reason-none": good(head(b"Content-Length: 4", status=b"200") + b"good", body=b"good", is_reused=True),
}

ROWS = FRAMING | SYNTAX | BODIES | BEHIND | INTERIM | FIELDS
