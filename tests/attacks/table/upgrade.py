"""Upgrade (RFC 9110 7.8) where it is not served: a plain request, whose bytes mean what they always mean."""

from .case import passed
from .wire import get, got, head, post

H2C = [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"]
WEBSOCKET = [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
KEPT = WEBSOCKET[2:]

ROWS = {
    "h2c-upgrade": passed(get(b"/", *H2C), got()),
    "h2c-upgrade-only": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: h2c"), got()),
    "h2c-upgrade-unnamed": passed(get(b"/", b"Upgrade: h2c"), got()),
    "h2c-upgrade-list": passed(get(b"/", b"Connection: Upgrade", b"Upgrade: h2c, websocket"), got()),
    "h2c-upgrade-body": passed(head(*H2C, b"Content-Length: 5") + b"hello", post(body=b"hello")),
    "ws-refused": passed(get(b"/", *WEBSOCKET) + get(b"/2"), got(b"/", *KEPT), got(b"/2")),
    "upg-pipe": passed(get(b"/", *WEBSOCKET) + get(b"/2") + get(b"/3"), got(b"/", *KEPT), got(b"/2"), got(b"/3")),
    "upg-body": passed(get(b"/", *WEBSOCKET, b"Content-Length: 5") + b"hello" + get(b"/2"),
                       got(b"/", *KEPT, body=b"hello"), got(b"/2")),
    "upg-unnamed": passed(get(b"/", b"Upgrade: websocket"), got()),
}
