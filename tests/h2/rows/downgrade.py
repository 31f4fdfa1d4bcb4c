"""What HTTP/2 can say and HTTP/1.1 cannot (RFC 9113 8.2, 8.3, 10.3): nothing of it may reach a backend as a request.

What can be said in both reaches it in one form only: the rows of the table of HTTP/1.1 about paths and hosts are asked
again in HTTP/2, and have to end the same.
"""

import re

from table import host, paths
from table.wire import got, post
from wire import blocks, frames
from wire.blocks import request

from .row import MALFORMED, Answered, Row

EVIL = b"\r\nX-Evil: 1"
SMUGGLED = b"\r\n\r\nGET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"


def refused(section, what, block, *pieces, **kwargs):
    """A stream error, or 400 by ourselves; the backend gets nothing."""
    return Row("9113 " + section, what, (frames.headers(1, block, end_stream=not pieces), *pieces), MALFORMED,
               backend=(), **kwargs)


def field(name, value, section="8.2.1"):
    return refused(section, f"{name} = {value}"[:100], request(b"GET", b"/", (name, value)))


def pseudo(what, *more, section="8.3.1", **changed):
    return refused(section, what, request(changed.pop("method", b"GET"), changed.pop("path", b"/"), *more, **changed))


def passed(what, message, *more, section="9113 8.3.1", **changed):
    block = request(changed.pop("method", b"GET"), changed.pop("path", b"/"), *more, **changed)
    return Row(section, what, (frames.headers(1, block),), (Answered(),), backend=(message,))


VALUES = {
    "value-crlf": field(b"x", b"b" + EVIL),
    "value-cr": field(b"x", b"b\rX-Evil: 1"),
    "value-lf": field(b"x", b"b\nX-Evil: 1"),
    "value-nul": field(b"x", b"b\0c"),
    "value-smuggled": field(b"x", b"b" + SMUGGLED),
    "value-lf-last": field(b"x", b"b\n"),
    "value-cr-last": field(b"x", b"b\r"),
    "value-space-first": field(b"x", b" b"),
    "value-space-last": field(b"x", b"b "),
    "value-tab-first": field(b"x", b"\tb"),
    "value-tab-last": field(b"x", b"b\t"),
    "value-control": field(b"x", b"a\x01b", "10.3"),
    "value-delete": field(b"x", b"a\x7fb", "10.3"),
    "cookie-crlf": field(b"cookie", b"a=1" + EVIL),
    "user-agent-crlf": field(b"user-agent", b"a" + SMUGGLED),
    "value-in-huffman": refused("8.2.1", "CR LF in Huffman codes",
                                request() + blocks.literal(b"x", b"b" + EVIL, huffman=True)),
    "value-in-table": refused("8.2.1", "CR LF from the dynamic table", request() + blocks.literal(
        b"x", b"b" + EVIL, blocks.INDEXING) + blocks.indexed(blocks.FIRST_DYNAMIC)),
    "value-high": passed("bytes above ASCII are data", got(b"/", b"x: \xe4\xff"), (b"x", b"\xe4\xff"),
                         section="9110 5.5"),
    "value-empty": passed("an empty value", got(b"/", b"x: "), (b"x", b""), section="9110 5.5"),
    "value-colon": passed("colons in a value", got(b"/", b"x: :b: c"), (b"x", b":b: c"), section="9110 5.5"),
}

NAMES = {
    "name-crlf": field(b"x: 1\r\nx-evil", b"b"),
    "name-lf": field(b"x\ny", b"b"),
    "name-cr": field(b"x\ry", b"b"),
    "name-nul": field(b"x\0y", b"b"),
    "name-colon": field(b"x:y", b"b"),
    "name-colon-last": field(b"x:", b"b"),
    "name-transfer-encoding-colon": field(b"transfer-encoding: chunked\r\nx", b"b"),
    "name-space": field(b"x y", b"b"),
    "name-space-last": field(b"transfer-encoding ", b"chunked"),
    "name-space-first": field(b" x", b"b"),
    "name-tab": field(b"x\ty", b"b"),
    "name-empty": field(b"", b"b"),
    "name-upper": field(b"Transfer-Encoding", b"chunked"),
    "name-upper-one": field(b"x-Y", b"b"),
    "name-high": field(b"x\xe4", b"b"),
    "name-parenthesis": field(b"x(y)", b"b", "10.3"),
    "name-at": field(b"x@y", b"b", "10.3"),
    "name-quote": field(b'"x"', b"b", "10.3"),
    "name-request-line": field(b"get /hidden http/1.1", b"b"),
}

CONNECTION = {
    "te-chunked": field(b"transfer-encoding", b"chunked", "8.2.2"),
    "te-identity": field(b"transfer-encoding", b"identity", "8.2.2"),
    "te-empty": field(b"transfer-encoding", b"", "8.2.2"),
    "te-with-body": refused("8.2.2", "transfer-encoding and a body that is one of chunks, with a request behind",
                            request(b"POST", b"/", (b"transfer-encoding", b"chunked")),
                            frames.data(1, b"0" + SMUGGLED)),
    "te-and-length": refused("8.2.2", "transfer-encoding and content-length", request(
        b"POST", b"/", (b"content-length", b"5"), (b"transfer-encoding", b"chunked")), frames.data(1, b"0\r\n\r\n")),
    "te-in-trailers": refused("8.2.2", "transfer-encoding in trailers", request(b"POST"), frames.data(
        1, b"test", end=False), frames.headers(1, blocks.fields((b"transfer-encoding", b"chunked"))),
        begun=post(chunks=b"test")),
    "connection": field(b"connection", b"close", "8.2.2"),
    "connection-named": field(b"connection", b"content-length", "8.2.2"),
    "connection-empty": field(b"connection", b"", "8.2.2"),
    "keep-alive": field(b"keep-alive", b"timeout=5", "8.2.2"),
    "proxy-connection": field(b"proxy-connection", b"keep-alive", "8.2.2"),
    "upgrade": field(b"upgrade", b"websocket", "8.2.2"),
    "upgrade-h2c": field(b"upgrade", b"h2c", "8.2.2"),
    "te-other": field(b"te", b"chunked", "8.2.2"),
    "te-trailers": passed("te: trailers is the one that may stand there, and is of the hop", got(),
                          (b"te", b"trailers"), section="9113 8.2.2"),
}


def with_length(what, value, body, **kwargs):
    return refused("8.1.1", what, request(b"POST", b"/", (b"content-length", value)), frames.data(1, body), **kwargs)


def none_but(method, message):
    head = frames.headers(1, request(method, b"/", (b"content-length", b"0")), end_stream=False)
    return Row("9113 8.1.1", "a request behind a head that says that nothing follows", (head, frames.data(1, SMUGGLED)),
               (Answered(), *MALFORMED), backend=(), maybe=message)


HELLO = post(body=b"hello")
LENGTHS = {
    "length-short": with_length("fewer bytes than it says", b"5", b"hel", begun=HELLO),
    "length-short-empty": with_length("no bytes, by an empty DATA", b"5", b"", begun=HELLO),
    "length-short-none": refused("8.1.1", "no bytes, by HEADERS that end the stream", request(
        b"POST", b"/", (b"content-length", b"5"))),
    # A backend may have the message whole before the bytes behind it come. Those go nowhere.
    "length-long": Row("9113 8.1.1", "a request behind as many bytes as it says", (
        frames.headers(1, request(b"POST", b"/", (b"content-length", b"5")), end_stream=False),
        frames.data(1, b"hello" + SMUGGLED)), (*MALFORMED, Answered()), backend=(), begun=HELLO, maybe=HELLO),
    "length-long-none": none_but(b"POST", post(body=b"")),
    "length-long-get": none_but(b"GET", got(body=b"")),
    "length-trailers": refused("8.1.1", "fewer bytes, and trailers", request(
        b"POST", b"/", (b"content-length", b"5")), frames.data(1, b"hel", end=False), frames.headers(
            1, blocks.fields((b"x-sum", b"1"))), begun=HELLO),
    "length-two": refused("8.1.1", "two that differ", request(
        b"POST", b"/", (b"content-length", b"5"), (b"content-length", b"6")), frames.data(1, b"hello")),
    "length-list": with_length("a list", b"5, 5", b"hello"),
    "length-plus": with_length("a sign", b"+5", b"hello"),
    "length-minus": with_length("a sign", b"-5", b"hello"),
    "length-hex": with_length("hexadecimal", b"0x5", b"hello"),
    "length-empty": with_length("empty", b"", b"hello"),
    "length-overflow": with_length("2^64 + 5", b"18446744073709551621", b"hello"),
}

PSEUDO = {
    "method-space": pseudo("a request in :method", method=b"GET /hidden HTTP/1.1\r\nX: "),
    "method-line": pseudo("spaces in :method", method=b"GET /hidden"),
    "method-lf": pseudo("LF in :method", method=b"GET\n"),
    "method-nul": pseudo("NUL in :method", method=b"GET\0"),
    "method-empty": pseudo(":method is empty", method=b""),
    "method-colon": pseudo("no token in :method", method=b"GET:"),
    "path-space": pseudo("a space in :path", path=b"/a b"),
    "path-version": pseudo("a version in :path", path=b"/hidden HTTP/1.1"),
    "path-crlf": pseudo("CR LF in :path", path=b"/ HTTP/1.1" + EVIL),
    "path-smuggled": pseudo("a request in :path", path=b"/ HTTP/1.1" + SMUGGLED),
    "path-lf": pseudo("LF in :path", path=b"/\n"),
    "path-nul": pseudo("NUL in :path", path=b"/\0"),
    "path-tab": pseudo("a tab in :path", path=b"/a\tb"),
    "path-high": pseudo("a byte above ASCII in :path", path=b"/\xe4"),
    "path-fragment": pseudo("a fragment in :path", path=b"/a#b"),
    "path-relative": pseudo(":path without a slash", path=b"a"),
    "path-absolute": pseudo("a URI in :path", path=b"http://b.test/"),
    "path-authority": pseudo("an authority in :path", path=b"b.test:80"),
    "path-star": pseudo("* in :path of a GET", path=b"*"),
    "path-query": pseudo("a query alone in :path", path=b"?a"),
    "path-at": pseudo("userinfo in :path", path=b"@b.test/"),
    "authority-crlf": pseudo("CR LF in :authority", authority=b"a.test" + EVIL),
    "authority-nul": pseudo("NUL in :authority", authority=b"a.test\0"),
    "authority-two": refused("8.3.1", ":authority twice",
                             blocks.fields((b":authority", b"a.test")) + request()),
    "authority-empty": pseudo(":authority is empty", authority=b""),
    "authority-none": pseudo("neither :authority nor host", authority=None),
    "authority-userinfo": pseudo("userinfo in :authority", authority=b"u@a.test"),
    "host-other": pseudo("host is not :authority", (b"host", b"b.test")),
    "host-other-port": pseudo("host has another port", (b"host", b"a.test:81")),
    "host-two": pseudo("host twice", (b"host", b"a.test"), (b"host", b"b.test"), authority=None),
    "host-crlf": pseudo("CR LF in host", (b"host", b"a.test" + EVIL), authority=None),
    "scheme-space": pseudo("a request in :scheme", scheme=b"http://b.test/hidden HTTP/1.1\r\nX: "),
    "scheme-crlf": pseudo("CR LF in :scheme", scheme=b"http" + EVIL),
    "scheme-empty": pseudo(":scheme is empty", scheme=b""),
    "scheme-odd": pseudo(":scheme is not one of ours", scheme=b"ftp"),
    "scheme-uri": pseudo("a URI in :scheme", scheme=b"http://b.test"),
    "connect-path": pseudo("CONNECT with :path and :scheme", method=b"CONNECT", section="8.5"),
    "connect-no-authority": pseudo("CONNECT without :authority", method=b"CONNECT", path=None, scheme=None,
                                   authority=None, section="8.5"),
    "connect": Row("9113 8.5", "CONNECT: this is no forward proxy", (frames.headers(1, request(
        b"CONNECT", None, scheme=None, authority=b"a.test:80"), end_stream=False),),
        (Answered((400, 405, 501)), *MALFORMED), backend=()),
    "connect-extended-no-path": refused("8.3.1", "extended CONNECT (RFC 8441 4) without :path", request(
        b"CONNECT", None) + blocks.fields((b":protocol", b"websocket"))),
    "protocol-get": refused("8.3", ":protocol of another method", blocks.fields((b":protocol", b"websocket")) +
                            request()),
    "pseudo-upper": refused("8.3", ":PATH", request(path=None) + blocks.fields((b":PATH", b"/"))),
    "pseudo-colon": refused("8.3", "a name of a colon alone", blocks.fields((b":", b"x")) + request()),
    "pseudo-last": refused("8.3", ":authority behind a field", request(authority=None) + blocks.fields(
        (b"x", b"1"), (b":authority", b"a.test"))),
    "none": refused("8.3.1", "no field at all", b""),
}

GOOD = {
    "host-alone": passed("host without :authority", got(), (b"host", b"a.test"), authority=None),
    "host-same": passed("host that is :authority", got(), (b"host", b"a.test")),
    "scheme-https": Row("9113 8.3.1", ":scheme says https on either transport; the backend is told the transport's",
                        (frames.headers(1, request(scheme=b"https")),), (Answered((200, 400, 421)), *MALFORMED)),
    "cookies": passed("crumbs of a cookie are one again", got(b"/", b"cookie: a=1; b=2; c=3"), (b"cookie", b"a=1"),
                      (b"cookie", b"b=2"), (b"cookie", b"c=3"), section="9113 8.2.3"),
    "cookies-apart": passed("with a field between them", got(b"/", b"x: 1", b"cookie: a=1; b=2"), (b"cookie", b"a=1"),
                            (b"x", b"1"), (b"cookie", b"b=2"), section="9113 8.2.3"),
    "fields-twice": passed("fields keep their order and their number", got(b"/", b"x: 1", b"y: 2", b"x: 3"),
                           (b"x", b"1"), (b"y", b"2"), (b"x", b"3"), section="9110 5.3"),
    "hop-of-others": passed("what is of the hop is dropped", got(), (b"proxy-authorization", b"Basic eA=="),
                            (b"proxy-authenticate", b"Basic"), section="9110 7.6.1"),
    "forwarded-by-client": passed("what a client says about itself is dropped", got(), (b"x-forwarded-for", b"6.6.6.6"),
                                  (b"x-forwarded-proto", b"gopher"), (b"forwarded", b"for=6.6.6.6"),
                                  (b"x-request-id", b"6"), section="7239 8.1"),
    "underscores": passed("names with an underscore are dropped", got(), (b"content_length", b"5"),
                          (b"transfer_encoding", b"chunked"), (b"x_forwarded_for", b"6.6.6.6"), section="9110 5.1"),
    "trailers-forbidden": Row("9110 6.5.1", "trailers that frame or route are dropped or refused", (
        frames.headers(1, request(b"POST"), end_stream=False), frames.data(1, b"hello", end=False),
        frames.headers(1, blocks.fields((b"x-sum", b"1"), (b"host", b"evil"), (b"x-forwarded-for", b"6.6.6.6"),
                                        (b"authorization", b"Basic eA==")))),
        (Answered(),), backend=(post(chunks=b"hello", trailers=[b"x-sum: 1"]),)),
    "trailers-length": Row("9110 6.5.1", "so is a content-length", (
        frames.headers(1, request(b"POST"), end_stream=False), frames.data(1, b"hello", end=False),
        frames.headers(1, blocks.fields((b"content-length", b"9")))), (Answered(), *MALFORMED), backend=(),
        maybe=post(chunks=b"hello"), begun=post(chunks=b"hello")),
}

TARGET = re.compile(rb"GET ([^ \r\n]*) HTTP/1.1\r\nHost: ?([^\r\n]*)\r\n\r\n")


def again(prefix, cases):
    """Rows of HTTP/1.1 that have nothing but a path and a host."""
    rows = {}
    for name, case in cases.items():
        match = TARGET.fullmatch(case.sends)
        if match is None or case.listener != "default" or match[1][:1] != b"/":
            continue
        what = f"as over HTTP/1.1: {match[1][:60]} of {match[2][:60]}"
        rows[prefix + name] = Row(
            "9110 7.1", what, (frames.headers(1, request(path=match[1], authority=match[2])),),
            (Answered(),) if case.backend else MALFORMED, backend=case.backend)
    return rows


ROWS = (VALUES | NAMES | CONNECTION | LENGTHS | PSEUDO | {"good-" + name: row for name, row in GOOD.items()}
        | again("h1-", paths.ROWS) | again("h1-", host.ROWS))
