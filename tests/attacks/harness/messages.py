"""A strict reader of requests: it tells what a backend got to the byte, whole or begun."""

import re
from dataclasses import dataclass

# The request id; and the listener's port, which any free one was taken for.
VARYING = re.compile(rb"(?<=\r\nX-Request-Id: )[0-9a-f]{32}(?=\r\n)|(?<=\r\nX-Forwarded-Port: )\d{5}(?=\r\n)")
SIZE_LINE = re.compile(rb"[0-9A-Fa-f]{1,8}\r\n")


class Malformed(Exception):
    """Bytes that no proxy may send to a backend."""


@dataclass
class Begun:
    """What has come of a message."""
    head: bytes  # masked, with the empty line
    body: bytes = b""  # decoded
    rest: bytes = b""  # of the trailer section, or of what is no whole line yet
    num_bytes: int = 0  # of the stream, taken
    is_whole: bool = False
    is_chunked: bool = False

    @property
    def start_line(self):
        return self.head.split(b"\r\n", 1)[0]

    def text(self):
        """The message in one spelling: all of a chunked body is one chunk, since chunks are those of a read."""
        if not self.is_chunked:
            return self.head + self.body
        data = b"%X\r\n%s\r\n" % (len(self.body), self.body) if self.body else b""
        return self.head + data + b"0\r\n" + self.rest


def read_message(stream):
    """The message at the front of `stream`, as far as it has come; None while its head is not whole."""
    end = stream.find(b"\r\n\r\n")
    if end < 0:
        return None
    head = bytes(stream[:end + 4])
    fields = [line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2]]
    if any(len(field) != 2 for field in fields) or head.replace(b"\r\n", b"").translate(None, b"\t") != bytes(
            byte for byte in head.replace(b"\r\n", b"") if byte >= 0x20):
        raise Malformed(head)
    framing = [(name.lower(), value) for name, value in fields
               if name.lower() in (b"content-length", b"transfer-encoding")]
    message = Begun(VARYING.sub(b"*", head))
    match framing:
        case []:
            message.num_bytes, message.is_whole = len(head), True
        case [(b"content-length", value)] if value.isdigit():
            message.body = bytes(stream[len(head):len(head) + int(value)])
            message.num_bytes = len(head) + len(message.body)
            message.is_whole = len(message.body) == int(value)
        case [(b"transfer-encoding", b"chunked")]:
            message.is_chunked = True
            read_chunks(stream, len(head), message)
        case _:
            raise Malformed(head)
    return message


def read_chunks(stream, at, message):
    while match := SIZE_LINE.match(stream, at):
        size = int(match[0], 16)
        if size == 0:
            return read_trailers(stream, match.end(), message)
        data = bytes(stream[match.end():match.end() + size])
        message.body += data
        at = match.end() + len(data)
        end = bytes(stream[at:at + 2])
        if len(data) == size and end not in (b"\r\n", b"\r", b""):
            raise Malformed(bytes(stream))
        if end != b"\r\n":
            message.num_bytes = at + len(end)
            return None
        at += 2
    message.rest = bytes(stream[at:])
    message.num_bytes = len(stream)
    if len(message.rest) > 10:
        raise Malformed(bytes(stream))
    return None


def read_trailers(stream, at, message):
    end = at + 2 if stream[at:at + 2] == b"\r\n" else stream.find(b"\r\n\r\n", at) + 4
    message.is_whole = end >= at + 2 and len(stream) >= end
    message.rest = bytes(stream[at:end] if message.is_whole else stream[at:])
    message.num_bytes = at + len(message.rest)
