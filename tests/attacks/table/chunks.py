"""Chunked bodies (RFC 9112 7.1): sizes, line ends, extensions, trailers."""

from .case import passed, refused
from .wire import chunked, post


def size(line, end=b"\r\n"):
    """A body whose first chunk says its size like this, with two readings of where the next message begins."""
    return refused(chunked(line + end + b"hello\r\n0\r\n\r\n"), begun=post(chunks=b""))


def within(body):
    """A fault behind data of which some may have gone on."""
    return refused(chunked(body), begun=post(chunks=b"hello"))


def last(body):
    """A fault behind the data."""
    return refused(chunked(body), begun=post(chunks=b""))


def trailers(*lines, kept=()):
    return passed(chunked(b"5\r\nhello\r\n0\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"),
                  post(chunks=b"hello", trailers=kept))


SIZES = {
    "ch-size-0x": size(b"0x5"),
    "ch-size-plus": size(b"+5"),
    "ch-size-minus": size(b"-5"),
    "ch-size-backtick": size(b"`5"),
    "ch-size-space": size(b" 5"),
    "ch-size-space-behind": size(b"5 "),
    "ch-size-tab-behind": size(b"5\t"),
    "ch-size-underscore": size(b"0_5"),
    "ch-size-empty": size(b""),
    "ch-size-letter": size(b"5g"),
    "ch-size-comma": size(b"5,5"),
    "ch-size-nul": size(b"5\0"),
    "ch-size-hibyte": size(b"\xb5"),
    "ch-size-quoted": size(b'"5"'),
    "ch-size-only-extension": size(b";a=b"),
    "ch-overflow": size(b"10000000000000005"),
    "ch-overflow-sign": size(b"8000000000000005"),
    "ch-overflow-max": size(b"ffffffffffffffff"),
    "ch-overflow-zeros": size(b"000000000000000005"),
    "ch-overflow-32": refused(chunked(b"100000005\r\nhello\r\n0\r\n\r\n"), 413, post(chunks=b"")),
    "ch-size-case": passed(chunked(b"00a\r\n0123456789\r\nA\r\n0123456789\r\n00\r\n\r\n"),
                           post(chunks=b"01234567890123456789")),
}

LINES = {
    "ch-lf-size": size(b"5", b"\n"),
    "ch-lf-data": within(b"5\r\nhello\n0\r\n\r\n"),
    "ch-lf-last": last(b"0\n\n"),
    "ch-lf-last-line": last(b"0\n\r\n"),
    "ch-lf-end": last(b"0\r\n\n"),
    "ch-lf-trailer": last(b"0\r\nX: 1\n\r\n"),
    "ch-lf-all": size(b"5", b"\nhello\n0\n\n"),
    "ch-cr-size": size(b"5", b"\r"),
    "ch-cr-data": within(b"5\r\nhello\r0\r\n\r\n"),
    "ch-cr-last": last(b"0\r\n\r\r\n"),
    "ch-crcrlf-size": size(b"5\r"),
    "ch-lfcr-size": size(b"5", b"\n\r"),
    "ch-spill": within(b"5\r\nhelloXX0\r\n\r\n"),
    "ch-spill-crlf": within(b"5\r\nhelloXX\r\n0\r\n\r\n"),
    "ch-short-term": within(b"5\r\nhello0\r\n\r\n"),
    "ch-short-data": refused(chunked(b"5\r\nhell\r\n0\r\n\r\n"), begun=post(chunks=b"hell\r")),
    "ch-data-missing": refused(chunked(b"5\r\n0\r\n\r\nGE"), begun=post(chunks=b"0\r\n\r\n")),
}

EXTENSIONS = {
    # A lone LF within an extension ends the line for some readers and is skipped by others.
    "ch-ext-lf": size(b"5;\nx"),
    "ch-ext-lf-first": size(b"5;", b"\n"),
    "ch-ext-cr": size(b"5;a\rx"),
    "ch-ext-cr-last": size(b"5;a\r"),
    "ch-ext-nul": size(b"5;a\0"),
    "ch-ext-del": size(b"5;a\x7f"),
    "ch-ext-term-ext": last(b"0;\nGET /hidden HTTP/1.1\r\nX: y\r\n\r\n"),
    "ch-ext-ext-term": within(b"5;\nhello\r\n26\r\n"),
    "ch-ext-space": size(b"5 ;a=b"),
    "ch-ext-ok": passed(chunked(b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n'), post(chunks=b"hello")),
    # Nobody looks into quotes: CRLF ends the line, whatever stands before it.
    "ch-ext-quoted-crlf": passed(chunked(b'5;a="\r\nhello\r\n0\r\n\r\n'), post(chunks=b"hello")),
}

TRAILERS = {
    "ch-tr-cl": trailers(b"Content-Length: 5"),
    "ch-tr-te": trailers(b"Transfer-Encoding: chunked"),
    "ch-tr-host": trailers(b"Host: evil"),
    "ch-tr-xff": trailers(b"X-Forwarded-For: 6.6.6.6"),
    "ch-tr-forwarded": trailers(b"Forwarded: for=6.6.6.6"),
    "ch-tr-auth": trailers(b"Authorization: Basic eA==", b"Cookie: a=b"),
    "ch-tr-conn": trailers(b"Connection: X-Sum", b"X-Sum: 1", kept=[b"X-Sum: 1"]),
    "ch-tr-request-id": trailers(b"X-Request-Id: 6"),
    "ch-tr-kept": trailers(b"X-Sum: 1", b"X-More: 2", kept=[b"X-Sum: 1", b"X-More: 2"]),
    "ch-tr-request-line": last(b"0\r\nGET /x HTTP/1.1\r\n\r\n"),
    "ch-tr-space-colon": last(b"0\r\nX : 1\r\n\r\n"),
    "ch-tr-fold": last(b"0\r\nX: 1\r\n y\r\n\r\n"),
    "ch-tr-nul": last(b"0\r\nX: \0\r\n\r\n"),
    "ch-tr-cr": last(b"0\r\nX: a\rY: b\r\n\r\n"),
    "ch-tr-no-colon": last(b"0\r\nX\r\n\r\n"),
}

LARGE = {
    "ch-ext-flood": refused(chunked(b"5;" + b"a" * 512_000), begun=post(chunks=b"")),
    "ch-ext-many": refused(chunked(b"1;aaaaaaaaaaaaaaa\r\nx\r\n" * 20_000), begun=post(chunks=b"x" * 20_000)),
    "ch-tr-flood": refused(chunked(b"0\r\n" + b"X: " + b"a" * 900_000), begun=post(chunks=b"")),
    "ch-tr-many": refused(chunked(b"0\r\n" + b"X: 1\r\n" * 20_000), begun=post(chunks=b"")),
}

ROWS = SIZES | LINES | EXTENSIONS | TRAILERS | LARGE
