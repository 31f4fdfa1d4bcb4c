"""Paths (RFC 3986 6.2.2): normalised once, matched and forwarded in the same form."""

from .case import passed, refused
from .wire import get, got


def path(sent, forwarded, listener="default"):
    return passed(get(sent), got(forwarded), listener=listener)


def strict(sent):
    return refused(get(sent), listener="strict")


def kept(sent, forwarded):
    return path(sent, forwarded, "keeping")


# The form is the only one that may come out.
STRICT = {
    "path-dot": path(b"/./D", b"/D"),
    "path-dot-dot": path(b"/a/../D", b"/D"),
    "path-dots-both": path(b"/a/../b/./c", b"/b/c"),
    "path-dot-last": path(b"/a/.", b"/a/"),
    "path-dot-dot-last": path(b"/a/b/..", b"/a/"),
    "path-above-root": path(b"/../../D", b"/D"),
    "path-pct-dot-dot": path(b"/a/%2e%2e/D", b"/D"),
    "path-pct-dot-mixed": path(b"/a/.%2E/D", b"/D"),
    "path-pct-dot-other": path(b"/a/%2e./D", b"/D"),
    "path-pct-dot": path(b"/a/%2e/D", b"/a/D"),
    "path-three-dots": path(b"/a/.../D", b"/a/.../D"),
    "path-dot-name": path(b"/a/.D/..D", b"/a/.D/..D"),
    "path-unreserved": path(b"/%73ecret", b"/secret"),
    "path-unreserved-tilde": path(b"/%7e%2D%5f%41", b"/~-_A"),
    "path-hex-case": path(b"/%c3%a4", b"/%C3%A4"),
    "path-abs-dots": path(b"http://a.test/a/../D", b"/D"),
    "path-abs-pct-dots": path(b"http://a.test/a/%2e%2e/D", b"/D"),
    "path-sub-delims": path(b"/!$&'()*+,;=:@-._~", b"/!$&'()*+,;=:@-._~"),
    "path-odd-visible": path(b'/"<>[]^`{|}', b'/"<>[]^`{|}'),
    "path-query-dots": path(b"/a?b/../c", b"/a?b/../c"),
}

# The RFC leaves these open; what backends make of them differs.
POLICY = {
    "path-backslash": refused(get(b"/a\\b")),
    "path-backslash-dots": refused(get(b"/a\\..\\D")),
    "path-pct00": refused(get(b"/D%00.png")),
    "path-slash-kept": path(b"/a%2fb", b"/a%2Fb"),
    "path-slash-dots": refused(get(b"/a%2f..%2fD")),
    "path-pct-backslash": path(b"/a%5cb", b"/a%5Cb"),
    "path-twice-encoded": path(b"/%252e%252e/D", b"/%252e%252e/D"),
    "path-twice-encoded-slash": path(b"/a%252fD", b"/a%252fD"),
    "path-params": path(b"/D;v=1", b"/D;v=1"),
    "path-params-dots": refused(get(b"/a/..;/D")),
    "path-params-pct": refused(get(b"/a/..%3b/D")),
    "path-two-slashes": path(b"//D", b"/D"),
    "path-two-slashes-host": path(b"//b.test/D", b"/b.test/D"),
    "path-two-slashes-within": path(b"/a//D", b"/a/D"),
    "path-two-slashes-dots": path(b"/a//../D", b"/a/D"),
}

# Where the listener says so.
REJECTED = {
    "path-reject-params": strict(b"/D;v=1"),
    "path-reject-params-dots": strict(b"/a/..;/D"),
    "path-reject-slash": strict(b"/a%2fD"),
    "path-reject-backslash": strict(b"/a%5cD"),
    "path-reject-twice-encoded": strict(b"/%252e%252e/D"),
    "path-reject-twice-encoded-slash": strict(b"/a%252fD"),
    "path-reject-nothing": path(b"/a/%2e/b%20c?d;e=%2f", b"/a/b%20c?d;e=%2f", "strict"),
}
KEPT = {
    "path-keep-params-dots": kept(b"/a/..;/D", b"/a/..;/D"),
    "path-keep-slash-dots": kept(b"/a%2f..%2fD", b"/a%2F..%2FD"),
    "path-keep-two-slashes": kept(b"//D", b"//D"),
    "path-keep-dots": kept(b"/a/../D", b"/D"),
    "path-keep-backslash": refused(get(b"/a\\b"), listener="keeping"),
    "path-keep-pct00": refused(get(b"/D%00"), listener="keeping"),
}

ROWS = STRICT | POLICY | REJECTED | KEPT
