"""Which host is asked (RFC 9112 3.2): exactly one Host, and nothing in it but a name and a port."""

from .case import passed, refused
from .wire import HOST, get, got


def host(value):
    return refused(get(host=b"Host:" + value))


def good(value, forwarded=None):
    return passed(get(host=b"Host: " + value), got(host=forwarded or value))


ROWS = {
    "host-none": refused(get(host=None)),
    "host-two": refused(get(b"/", b"Host: b.test")),
    "host-two-case": refused(get(b"/", b"HOST: b.test")),
    "host-two-apart": refused(get(b"/", b"X: 1", b"Y: 2", b"host: b.test")),
    "host-equal-two": refused(get(b"/", HOST)),
    "host-two-http10": refused(get(b"/", b"Host: b.test", version=b"HTTP/1.0")),
    "host-empty": host(b""),
    "host-blank": host(b"   "),
    "host-space": host(b" a b"),
    "host-tab": host(b" a\tb"),
    "host-list": host(b" a,b"),
    "host-userinfo": host(b" u@a"),
    "host-userinfo-password": host(b" u:p@a"),
    "host-path": host(b" a/b"),
    "host-backslash": host(b" a\\b"),
    "host-scheme": host(b" http://a.test"),
    "host-port-bad": host(b" a:80abc"),
    "host-port-minus": host(b" a:-80"),
    "host-port-plus": host(b" a:+80"),
    "host-port-zero": host(b" a:0"),
    "host-port-large": host(b" a:65536"),
    "host-port-two": host(b" a:80:81"),
    "host-port-only": host(b" :80"),
    "host-query": host(b" a?x"),
    "host-fragment": host(b" a#y"),
    "host-query-fragment": host(b" a?x#y"),
    "host-del": host(b" a\x7f"),
    "host-nul": host(b" a\0"),
    "host-hibyte": host(b" \xe4.test"),
    "host-pct": host(b" a%2etest"),
    "host-semicolon": host(b" a;b"),
    "host-quote": host(b' "a"'),
    "host-dot-first": host(b" .a"),
    "host-dots": host(b" a..b"),
    "host-v6-open": host(b" [::1"),
    "host-v6-bare": host(b" ::1"),
    "host-v6-bad": host(b" [::1::]"),
    "host-v6-behind": host(b" [::1]a"),
    "host-v6-zone": host(b" [fe80::1%25lo]"),
    "host-long": host(b" " + b"a" * 256),
    "host-case": good(b"A.Test"),
    "host-port": good(b"a.test:8080"),
    "host-port-empty": good(b"a.test:", b"a.test"),
    "host-dot-last": good(b"a.test."),
    "host-v4": good(b"10.0.0.1:80"),
    "host-none-http10": passed(get(host=None, version=b"HTTP/1.0"), got(host=b""), stays_open=False),
}
