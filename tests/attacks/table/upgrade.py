"""Upgrade (RFC 9110 7.8) that the backend does not accept, or that is not even offered to it: a plain request, whose
bytes mean what they always mean. What is in order is offered, with a Connection field of our own."""

from .case import passed
from .wire import get, got, head, post

H2C = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"]
WEBSOCKET = [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
KEPT = WEBSOCKET[2:]


def offered(target=b"/"):
    """What the backend gets of WEBSOCKET."""
    return got(target, *KEPT, b"Upgrade: websocket", hop=[b"Connection: Upgrade"])


ROWS = {
    "h2c-upgrade": passed(get(b"/", *H2C), got()),
    "h2c-upgrade-only": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: h2c"), got()),
    "h2c-upgrade-unnamed": passed(get(b"/", b"Upgrade: h2c"), got()),
    "h2c-upgrade-list": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: h2c, websocket"), got()),
    "h2c-upgrade-body": passed(head(*H2C, b"Content-Length: 5") + b"hello", post(body=b"hello")),
    "h2-upgrade-version": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: HTTP/2.0"), got()),
    "tls-upgrade": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: TLS/1.2"), got()),
    "ws-refused": passed(get(b"/", *WEBSOCKET) + get(b"/2"), offered(), got(b"/2")),
    "ws-hop": passed(get(b"/", b"Connection: Upgrade, Sec-WebSocket-Version", *WEBSOCKET[1:]),
                     got(b"/", KEPT[1], b"Upgrade: websocket", hop=[b"Connection: Upgrade"])),
    "upg-pipe": passed(get(b"/", *WEBSOCKET) + get(b"/2") + get(b"/3"), offered(), got(b"/2"), got(b"/3")),
    "upg-pipe-upg": passed(get(b"/", *WEBSOCKET) + get(b"/2", *WEBSOCKET), offered(), offered(b"/2")),
    "upg-http10": passed(get(b"/", *WEBSOCKET, version=b"HTTP/1.0"), got(b"/", *KEPT), stays_open=False),
    "upg-twice": passed(get(b"/", *WEBSOCKET, b"Upgrade: websocket"), got(b"/", *KEPT)),
    "upg-bad-token": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: web socket"), got()),
    "upg-body": passed(get(b"/", *WEBSOCKET, b"Content-Length: 5") + b"hello" + get(b"/2"),
                       got(b"/", *KEPT, body=b"hello"), got(b"/2")),
    "upg-unnamed": passed(get(b"/", b"Upgrade: websocket"), got()),
}
