"""Spelling of messages, as the client sends them and as the backend has to get them."""

HOST = b"Host: a.test"


def head(*lines, start=b"POST / HTTP/1.1", host=HOST):
    return b"\r\n".join([start, *([host] if host else []), *lines, b"", b""])


def get(target=b"/", *lines, version=b"HTTP/1.1", host=HOST):
    return head(*lines, start=b"GET " + target + b" " + version, host=host)


def chunked(body, *lines):
    """A body that is chunked, well or badly."""
    return head(b"Transfer-Encoding: chunked", *lines) + body


def coding(value, name=b"Transfer-Encoding:", start=b"POST / HTTP/1.1"):
    """A body of one chunk that this coding may or may not frame."""
    return head(name + value, start=start) + b"0\r\n\r\n"


def length(value, name=b"Content-Length:"):
    return head(name + value) + b"hello"


# What varies from run to run stands as '*' (harness.messages puts it there).
REQUEST_ID = b"X-Request-Id: *"
LISTENER_PORT = b"*"  # said where the client named no host


def forwarding_lines(host):
    """What the proxy itself says about the client, behind all fields that the client sent."""
    port = host.rpartition(b":")[2] if b":" in host else b"80" if host else LISTENER_PORT
    named = [b"X-Forwarded-Host: " + host] if host else []
    return [b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Proto: http", *named, b"X-Forwarded-Port: " + port, REQUEST_ID]


def to_backend(start, *lines, host=b"a.test", body=None, chunks=None, trailers=(), hop=()):
    """The message as it is written anew. Chunks are those that the proxy read, so all are told as one. `hop`: what it
    says about its connection."""
    framing = []
    if chunks is not None:
        framing = [b"Transfer-Encoding: chunked"]
        body = (b"%X\r\n%s\r\n" % (len(chunks), chunks) if chunks else b"") + b"\r\n".join([b"0", *trailers, b"", b""])
    elif body is not None or start.split(b" ", 1)[0] in (b"POST", b"PUT", b"PATCH"):
        framing = [b"Content-Length: %d" % len(body or b"")]
    return head(*lines, *forwarding_lines(host), *framing, *hop, start=start, host=b"Host: " + host) + (body or b"")


def got(target=b"/", *lines, **kwargs):
    """What the backend gets of a GET."""
    return to_backend(b"GET " + target + b" HTTP/1.1", *lines, **kwargs)


def post(*lines, **kwargs):
    """What the backend gets of a POST to the root."""
    return to_backend(b"POST / HTTP/1.1", *lines, **kwargs)
