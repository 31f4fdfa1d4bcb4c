"""What a client says about itself and about its connection: replaced, dropped or passed (RFC 9110 7.6.1, 7239)."""

from .case import passed
from .wire import HOST, get, got


def fields(*lines, kept=(), stays_open=True):
    """A GET with `lines`, of which the backend gets `kept`, and ours behind them."""
    return passed(get(b"/", *lines), got(b"/", *kept), stays_open=stays_open)


WHO = {
    "xff-spoof": fields(b"X-Forwarded-For: 6.6.6.6"),
    "xff-case": fields(b"x-FORWARDED-for: 6.6.6.6"),
    "xff-dup": fields(b"X-Forwarded-For: 6.6.6.6", b"x-forwarded-for: 7.7.7.7"),
    "xff-list": fields(b"X-Forwarded-For: 6.6.6.6, 127.0.0.1"),
    "xff-empty": fields(b"X-Forwarded-For:"),
    "xff-proto": fields(b"X-Forwarded-Proto: https"),
    "xff-host": fields(b"X-Forwarded-Host: evil"),
    "xff-port": fields(b"X-Forwarded-Port: 1"),
    "xff-forwarded": fields(b"Forwarded: for=6.6.6.6;host=evil;proto=https"),
    "xff-request-id": fields(b"X-Request-Id: 6"),
    "xff-us": fields(b"X_Forwarded_For: 6.6.6.6", b"X_Forwarded-For: 7.7.7.7", b"X-Forwarded_For: 8.8.8.8"),
    "cl-name-us": fields(b"Content_Length: 5"),
    "te-underscore": fields(b"Transfer_Encoding: chunked"),
    "host-underscore": fields(b"Host_: b.test", b"_Host: b.test"),
    "any-underscore": fields(b"X_A: 1", b"X-A: 2", kept=[b"X-A: 2"]),
}

CONNECTION = {
    "conn-xff": fields(b"Connection: X-Forwarded-For, X-Request-Id", b"X-Forwarded-For: 6.6.6.6"),
    "conn-xff-all": fields(b"Connection: X-Forwarded-Proto, X-Forwarded-Host, X-Forwarded-Port, Forwarded"),
    "conn-host": fields(b"Connection: Host"),
    "conn-host-first": passed(b"GET / HTTP/1.1\r\nConnection: host\r\n" + HOST + b"\r\n\r\n", got()),
    "conn-cl": passed(get(b"/", b"Connection: Content-Length", b"Content-Length: 5") + b"hello", got(body=b"hello")),
    "conn-te": passed(get(b"/", b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n",
                      got(chunks=b"hello")),
    "conn-auth": fields(b"Connection: Authorization, Cookie", b"Authorization: Basic eA==", b"Cookie: a=b",
                        kept=[b"Authorization: Basic eA==", b"Cookie: a=b"]),
    "conn-strip": fields(b"Connection: X-Mine", b"X-Mine: 1", b"X-Other: 2", kept=[b"X-Other: 2"]),
    "conn-strip-case": fields(b"Connection: x-mine", b"X-MINE: 1"),
    "conn-strip-behind": fields(b"X-Mine: 1", b"Connection: X-Mine"),
    "conn-strip-two": fields(b"Connection: A", b"Connection: B", b"A: 1", b"B: 2", b"C: 3", kept=[b"C: 3"]),
    "conn-strip-empty": fields(b"Connection: ,, X-Mine ,", b"X-Mine: 1"),
    # The options are tokens: a quote hides none of them.
    "conn-strip-quote": fields(b'Connection: ", X-Mine, "', b"X-Mine: 1"),
    "conn-close-quote": fields(b'Connection: ", close', stays_open=False),
    "conn-strip-close": fields(b"Connection: X-Mine, close", b"X-Mine: 1", stays_open=False),
    "conn-connection": fields(b"Connection: Connection, keep-alive"),
    "hop-std": fields(b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Upgrade: x",
                      b"Proxy-Authorization: Basic eA==", b"Proxy-Authenticate: Basic"),
    "hop-keep-alive": fields(b"Connection: keep-alive", b"Keep-Alive: timeout=5, max=1000"),
    "hop-te": fields(b"Connection: TE", b"TE: trailers, chunked;q=0.5"),
    "hop-proxy-connection": fields(b"Proxy-Connection: close"),
}

ROWS = WHO | CONNECTION
