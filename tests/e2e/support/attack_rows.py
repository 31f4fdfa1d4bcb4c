"""Requests made to be read in two ways, by name: what is sent, and what has to come of it."""

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"
HOST = b"Host: a.test"


def head(*lines, start=b"POST / HTTP/1.1", host=HOST):
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""])


def chunked(body, *lines):
    return head(b"Transfer-Encoding: chunked", *lines) + body


def coding(value, name=b"Transfer-Encoding:"):
    """A body of one chunk that this coding may or may not frame."""
    return head(name + value) + b"0\r\n\r\n"


def length(value, name=b"Content-Length:"):
    return head(name + value) + b"hello"


def get(target=b"/", version=b"HTTP/1.1", *lines, host=HOST):
    return head(*lines, start=b"GET " + target + b" " + version, host=host)


def host(value):
    return get(host=b"Host:" + value)


# id: (bytes, status of the only answer)
REFUSED = {
    # Two framings, or one that readers disagree on (RFC 9112 6.1, 6.3).
    "cl-te": (head(b"Content-Length: 5", b"Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "te-cl": (head(b"Transfer-Encoding: chunked", b"Content-Length: 5") + b"0\r\n\r\n", 400),
    "te-unknown-cl": (head(b"Transfer-Encoding: gzip", b"Content-Length: 5") + b"hello", 400),
    "xchunked": (coding(b" xchunked"), 501),
    "te-empty": (coding(b""), 400),
    "te-space-colon": (coding(b" chunked", b"Transfer-Encoding :"), 400),
    "te-tab-colon": (coding(b" chunked", b"Transfer-Encoding\t:"), 400),
    "te-vtab": (coding(b"\x0bchunked"), 400),
    "te-nul": (coding(b" chunked\0"), 400),
    "te-hibyte": (coding(b" chunked\xff"), 400),
    "te-quoted": (coding(b' "chunked"'), 400),
    "te-semicolon": (coding(b" chunked;q=0.5"), 400),
    "te-dup-identity": (coding(b" chunked\r\nTransfer-Encoding: identity"), 400),
    "te-dup": (coding(b" chunked\r\nTransfer-Encoding: chunked"), 400),
    "te-twice": (coding(b" chunked, chunked"), 400),
    "te-chunked-not-last": (coding(b" chunked, gzip"), 400),
    "te-chunked-last": (coding(b" gzip, chunked"), 400),
    "te-comma": (coding(b" chunked,"), 400),
    "te-identity": (coding(b" identity"), 400),
    "te-fold": (coding(b"\r\n chunked"), 400),
    "te-fold-hidden": (head(b"X: b", b" Transfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "te-lf-prefix": (head(b"X: b\nTransfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "te-cr-prefix": (head(b"X: b\rTransfer-Encoding: chunked") + b"0\r\n\r\n", 400),
    "te-http10": (head(b"Transfer-Encoding: chunked", start=b"POST / HTTP/1.0") + b"0\r\n\r\n", 400),
    "cl-dup-unequal": (head(b"Content-Length: 5", b"Content-Length: 6") + b"hello", 400),
    "cl-dup-equal": (head(b"Content-Length: 5", b"Content-Length: 5") + b"hello", 400),
    "cl-list-unequal": (length(b" 5, 60"), 400),
    "cl-list-equal": (length(b" 5, 5"), 400),
    "cl-plus": (length(b" +5"), 400),
    "cl-minus": (length(b" -5"), 400),
    "cl-hex": (length(b" 0x5"), 400),
    "cl-space": (length(b" 5 0"), 400),
    "cl-underscore": (length(b" 5_0"), 400),
    "cl-vtab": (length(b" \x0b5"), 400),
    "cl-nul": (length(b" 5\0"), 400),
    "cl-empty": (length(b""), 400),
    "cl-2^64": (length(b" 18446744073709551621"), 400),
    "cl-10^26": (length(b" 100000000000000000000000005"), 400),
    "cl-name-space": (length(b" 5", b"Content-Length :"), 400),
    # Chunks (RFC 9112 7.1).
    "ch-size-0x": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-plus": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-minus": (chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-space": (chunked(b" 5\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-space-behind": (chunked(b"5 \r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-underscore": (chunked(b"0_5\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-size-empty": (chunked(b"\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-overflow": (chunked(b"10000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-overflow-sign": (chunked(b"8000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-lf-size": (chunked(b"5\nhello\r\n0\r\n\r\n"), 400),
    "ch-lf-data": (chunked(b"5\r\nhello\n0\r\n\r\n"), 400),
    "ch-lf-last": (chunked(b"0\n\n"), 400),
    "ch-cr-size": (chunked(b"5\rhello\r\n0\r\n\r\n"), 400),
    "ch-spill": (chunked(b"5\r\nhelloXX0\r\n\r\n"), 400),
    "ch-short-term": (chunked(b"5\r\nhello0\r\n\r\n"), 400),
    "ch-ext-lf": (chunked(b"5;\nx\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-ext-cr": (chunked(b"5;a\rx\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-ext-nul": (chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n"), 400),
    "ch-tr-space-colon": (chunked(b"0\r\nX : 1\r\n\r\n"), 400),
    "ch-tr-request-line": (chunked(b"0\r\nGET /x HTTP/1.1\r\n\r\n"), 400),
    "ch-tr-fold": (chunked(b"0\r\nX: 1\r\n y\r\n\r\n"), 400),
    # Lines and field syntax (RFC 9112 2.2, 5; RFC 9110 5.5).
    "lf-only": (b"GET / HTTP/1.1\nHost: a.test\n\n", 400),
    "lf-one-line": (b"GET / HTTP/1.1\r\nHost: a.test\nX: 1\r\n\r\n", 400),
    "lf-smuggle": (get(b"/", b"HTTP/1.1", b"X: b\n\nGET /hidden HTTP/1.1"), 400),
    "cr-value": (get(b"/", b"HTTP/1.1", b"X: b\rX-Evil: 1"), 400),
    "crcrlf": (b"GET / HTTP/1.1\r\nHost: a.test\r\r\n\r\n", 400),
    "nul-value": (get(b"/", b"HTTP/1.1", b"X: b\0c"), 400),
    "ctl-value": (get(b"/", b"HTTP/1.1", b"X: \x01"), 400),
    "del-value": (get(b"/", b"HTTP/1.1", b"X: \x7f"), 400),
    "nul-name": (get(b"/", b"HTTP/1.1", b"X\0Y: b"), 400),
    "no-colon": (get(b"/", b"HTTP/1.1", b"X-A b"), 400),
    "empty-name": (get(b"/", b"HTTP/1.1", b": b"), 400),
    "bad-name": (get(b"/", b"HTTP/1.1", b"X(A): b"), 400),
    "hi-name": (get(b"/", b"HTTP/1.1", b"X\xe9: b"), 400),
    "sp-colon": (get(b"/", b"HTTP/1.1", b"X : b"), 400),
    "tab-colon": (get(b"/", b"HTTP/1.1", b"X\t: b"), 400),
    "lead-ws": (b"GET / HTTP/1.1\r\n X: b\r\nHost: a.test\r\n\r\n", 400),
    "obs-fold": (get(b"/", b"HTTP/1.1", b"X: b", b"\tc"), 400),
    "obs-fold-empty": (get(b"/", b"HTTP/1.1", b"X: b", b" "), 400),
    # The request line (RFC 9112 2.3, 3).
    "rl-two-spaces": (get(b" /"), 400),
    "rl-space-behind": (get(b"/ "), 400),
    "rl-tab": (get(b"/\t"), 400),
    "rl-space-in-target": (get(b"/a b"), 400),
    "rl-lead-space": (b" " + get(), 400),
    "rl-no-target": (get(b""), 400),
    "rl-version-case": (get(b"/", b"http/1.1"), 400),
    "rl-version-1.10": (get(b"/", b"HTTP/1.10"), 400),
    "rl-version-2.0": (get(b"/", b"HTTP/2.0"), 505),
    "rl-version-9.9": (get(b"/", b"HTTP/9.9"), 505),
    "rl-http09": (b"GET /\r\n", 400),
    "rl-nul": (get(b"/\0"), 400),
    "rl-cr": (get(b"/\r"), 400),
    "rl-hi": (get(b"/\xff"), 400),
    "rl-fragment": (get(b"/a#b"), 400),
    "rl-method-case": (b"get / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    "rl-method-bad": (b"G(T / HTTP/1.1\r\nHost: a.test\r\n\r\n", 400),
    "rl-pct00": (get(b"/%00"), 400),
    "rl-pctbad": (get(b"/%zz"), 400),
    "path-backslash": (get(b"/a\\b"), 400),
    "abs-userinfo": (get(b"http://u:p@a.test/"), 400),
    "abs-ftp": (get(b"ftp://a.test/"), 400),
    "abs-no-host": (get(b"http:///x"), 400),
    "at-target": (get(b"@a.test/"), 400),
    "rel-target": (get(b"index.html"), 400),
    "star-get": (get(b"*"), 400),
    "auth-get": (get(b"a.test:80"), 501),
    "connect": (head(start=b"CONNECT a.test:80 HTTP/1.1"), 501),
    # Host (RFC 9112 3.2).
    "host-none": (get(host=None), 400),
    "host-two": (get(b"/", b"HTTP/1.1", b"Host: b.test"), 400),
    "host-equal-two": (get(b"/", b"HTTP/1.1", HOST), 400),
    "host-empty": (host(b""), 400),
    "host-space": (host(b" a b"), 400),
    "host-list": (host(b" a,b"), 400),
    "host-userinfo": (host(b" u@a"), 400),
    "host-path": (host(b" a/b"), 400),
    "host-port-bad": (host(b" a:80abc"), 400),
    "host-query": (host(b" a?x"), 400),
    "host-fragment": (host(b" a#y"), 400),
    "host-del": (host(b" a\x7f"), 400),
    "host-abs-bad": (get(b"http://a.test/", host=b"Host: a b"), 400),
    # The rest.
    "expect-unknown": (head(b"Expect: y 100-continue", b"Content-Length: 0"), 417),
    "preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "tls-on-plain": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
}

# id: (bytes, what the backend gets [(method, target, body)], whether the connection is closed then)
PASSED = {
    "te-0": (head(b"Transfer-Encoding: chunked", start=b"OPTIONS / HTTP/1.1") + b"26\r\n" + HIDDEN + b"\r\n0\r\n\r\n",
             [("OPTIONS", "/", HIDDEN)], False),
    "cl-0": (head(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN, [("POST", "/", HIDDEN)], False),
    "0-cl": (get(b"/", b"HTTP/1.1", b"Content-Length: %d" % len(HIDDEN)) + HIDDEN, [("GET", "/", HIDDEN)], False),
    "head-cl": (head(b"Content-Length: %d" % len(HIDDEN), start=b"HEAD / HTTP/1.1") + HIDDEN,
                [("HEAD", "/", HIDDEN)], False),
    "http10-body": (head(host=HOST, start=b"POST / HTTP/1.0") + HIDDEN, [("POST", "/", b"")], True),
    "close-then": (get(b"/", b"HTTP/1.1", b"Connection: close") + HIDDEN, [("GET", "/", b"")], True),
    "pipe-2": (get(b"/1") + get(b"/2"), [("GET", "/1", b""), ("GET", "/2", b"")], False),
    "pipe-100": (b"".join(get(b"/%d" % i) for i in range(100)), [("GET", f"/{i}", b"") for i in range(100)], False),
    "pipe-post-get": (length(b" 5") + get(b"/2"), [("POST", "/", b"hello"), ("GET", "/2", b"")], False),
    "pipe-chunked-get": (chunked(b"5\r\nhello\r\n0\r\n\r\n") + get(b"/2"),
                         [("POST", "/", b"hello"), ("GET", "/2", b"")], False),
    "crlf-lead": (b"\r\n" + get(b"/1"), [("GET", "/1", b"")], False),
    "cl-zeros": (length(b" 0005"), [("POST", "/", b"hello")], False),
    "cl-ows": (length(b"  5  "), [("POST", "/", b"hello")], False),
    "te-case": (coding(b" Chunked"), [("POST", "/", b"")], False),
    "ch-size-case": (chunked(b"00a\r\n0123456789\r\n00\r\n\r\n"), [("POST", "/", b"0123456789")], False),
    "ch-ext-ok": (chunked(b'5;a=b;c="d"\r\nhello\r\n0;x\r\n\r\n'), [("POST", "/", b"hello")], False),
    "rl-pctcrlf": (get(b"/%0d%0aX-Evil:%201"), [("GET", "/%0D%0AX-Evil:%201", b"")], False),
    "path-dot": (get(b"/a/../b/./c"), [("GET", "/b/c", b"")], False),
    "path-pct-dot": (get(b"/a/%2e%2E/b"), [("GET", "/b", b"")], False),
    "path-above-root": (get(b"/../../b"), [("GET", "/b", b"")], False),
    "path-unreserved": (get(b"/%73ecret"), [("GET", "/secret", b"")], False),
    "path-slash-kept": (get(b"/a%2fb"), [("GET", "/a%2Fb", b"")], False),
    "path-twice-encoded": (get(b"/%252e%252e/b"), [("GET", "/%252e%252e/b", b"")], False),
    "abs-same": (get(b"http://a.test/x?y"), [("GET", "/x?y", b"")], False),
    "abs-root": (get(b"http://a.test"), [("GET", "/", b"")], False),
    "abs-dots": (get(b"http://a.test/a/../b"), [("GET", "/b", b"")], False),
    "star-options": (head(start=b"OPTIONS * HTTP/1.1"), [("OPTIONS", "*", b"")], False),
    "h2c-upgrade": (get(b"/", b"HTTP/1.1", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                        b"HTTP2-Settings: AAMAAABkAAQAAP__"), [("GET", "/", b"")], False),
    "ws-refused": (get(b"/", b"HTTP/1.1", b"Connection: Upgrade", b"Upgrade: websocket") + get(b"/2"),
                   [("GET", "/", b""), ("GET", "/2", b"")], False),
}

# id: (field lines, {name: values that the backend gets})
FIELDS = {
    "xff-spoof": ([b"X-Forwarded-For: 6.6.6.6"], {"x-forwarded-for": ["127.0.0.1"]}),
    "xff-dup": ([b"X-Forwarded-For: 6.6.6.6", b"x-forwarded-for: 7.7.7.7"], {"x-forwarded-for": ["127.0.0.1"]}),
    "xff-rest": ([b"X-Forwarded-Proto: https", b"X-Forwarded-Host: evil", b"X-Forwarded-Port: 1", b"Forwarded: for=6"],
                 {"x-forwarded-proto": ["http"], "x-forwarded-host": ["a.test"], "x-forwarded-port": ["80"],
                  "forwarded": []}),
    "xff-us": ([b"X_Forwarded_For: 6.6.6.6", b"X_Forwarded-For: 7.7.7.7"],
               {"x_forwarded_for": [], "x_forwarded-for": [], "x-forwarded-for": ["127.0.0.1"]}),
    "cl-name-us": ([b"Content_Length: 5"], {"content_length": []}),
    "te-underscore": ([b"Transfer_Encoding: chunked"], {"transfer_encoding": []}),
    "conn-xff": ([b"Connection: X-Forwarded-For, X-Request-Id", b"X-Forwarded-For: 6.6.6.6"],
                 {"x-forwarded-for": ["127.0.0.1"], "connection": []}),
    "conn-host": ([b"Connection: Host"], {"host": ["a.test"]}),
    "conn-auth": ([b"Connection: Authorization, Cookie", b"Authorization: Basic eA==", b"Cookie: a=b"],
                  {"authorization": ["Basic eA=="], "cookie": ["a=b"]}),
    "conn-strip": ([b"Connection: X-Mine, close", b"X-Mine: 1", b"X-Other: 2"], {"x-mine": [], "x-other": ["2"]}),
    "hop-std": ([b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Upgrade: x",
                 b"Proxy-Authorization: Basic eA=="],
                {"keep-alive": [], "proxy-connection": [], "te": [], "upgrade": [], "proxy-authorization": [],
                 "connection": []}),
}

# Bodies that end early: the backend must not take them for whole.
TRUNCATED = {
    "head-truncated": b"GET /truncated HTTP/1.1\r\nHost: a.te",
    "cl-truncated": head(b"Content-Length: 50", start=b"POST /truncated HTTP/1.1") + b"hello",
    "ch-truncated": head(b"Transfer-Encoding: chunked", start=b"POST /truncated HTTP/1.1") + b"5\r\nhello\r\n",
    "ch-truncated-size": head(b"Transfer-Encoding: chunked", start=b"POST /truncated HTTP/1.1") + b"5\r\nhello\r\n0",
    "ch-truncated-last": head(b"Transfer-Encoding: chunked", start=b"POST /truncated HTTP/1.1") + b"0\r\n",
}

# More than a head or body may have. id: (bytes, status)
ENDLESS = {
    "big-uri": (b"GET /" + b"a" * 200_000, 414),
    "big-header": (b"GET / HTTP/1.1\r\nHost: a.test\r\nX: " + b"a" * 500_000, 431),
    "many-headers": (b"GET / HTTP/1.1\r\nHost: a.test\r\n" + b"X: 1\r\n" * 20_000, 431),
    "endless-name": (b"GET / HTTP/1.1\r\nHost: a.test\r\n" + b"X" * 500_000, 431),
    "ch-ext-flood": (chunked(b"5;" + b"a" * 512_000), 400),
    "ch-ext-many": (chunked(b"1;aaaaaaaaaaaaaaa\r\nx\r\n" * 20_000), 400),
    "ch-tr-flood": (chunked(b"0\r\n" + b"X: " + b"a" * 900_000), 400),
}
