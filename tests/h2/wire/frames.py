"""Frames as bytes (RFC 9113 4.1, 6): nothing is checked, so that everything can be sent."""

import struct
from dataclasses import dataclass
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD_BYTES = 9
MAX_WINDOW = (1 << 31) - 1
DEFAULT_WINDOW = 65_535
DEFAULT_FRAME_BYTES = 16_384

ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20


class Kind(IntEnum):
    DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)


class Setting(IntEnum):
    HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, \
        MAX_HEADER_LIST_SIZE = range(1, 7)


class Code(IntEnum):
    """RFC 9113 7."""
    (NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR, SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR,
     REFUSED_STREAM, CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM, INADEQUATE_SECURITY,
     HTTP_1_1_REQUIRED) = range(14)


@dataclass(frozen=True)
class Frame:
    kind: int
    flags: int
    stream: int
    payload: bytes

    def __str__(self):
        name = Kind(self.kind).name if self.kind < len(Kind) else f"kind {self.kind}"
        return (f"{name} stream {self.stream} flags {self.flags:#x} {self.payload[:40].hex()} "
                f"({len(self.payload)} bytes)")


def frame(kind, flags, stream, payload=b""):
    """`stream` may carry the reserved bit."""
    return struct.pack("!I", len(payload))[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def read_frame(data):
    """(frame, its size) at the front of `data`; None while it is not whole."""
    if len(data) < HEAD_BYTES:
        return None
    size = int.from_bytes(data[:3], "big")
    if len(data) < HEAD_BYTES + size:
        return None
    kind, flags, stream = struct.unpack("!BBI", data[3:HEAD_BYTES])
    return Frame(kind, flags, stream & MAX_WINDOW, bytes(data[HEAD_BYTES:HEAD_BYTES + size])), HEAD_BYTES + size


def padded(flags, payload, pad):
    """`pad`: how many bytes behind the payload; None: no padding at all."""
    return (flags, payload) if pad is None else (flags | PADDED, bytes([pad]) + payload + bytes(pad))


def data(stream, payload=b"", end=True, pad=None):
    flags, payload = padded(END_STREAM if end else 0, payload, pad)
    return frame(Kind.DATA, flags, stream, payload)


def dependency(on=0, weight=16, is_exclusive=False):
    """Five bytes (RFC 7540 6.3, which RFC 9113 5.3 deprecates but still frames)."""
    return struct.pack("!IB", on | (1 << 31 if is_exclusive else 0), weight - 1)


def headers(stream, block, end_stream=True, end_headers=True, pad=None, depends=b""):
    flags = (END_STREAM if end_stream else 0) | (END_HEADERS if end_headers else 0) | (PRIORITY_FLAG if depends else 0)
    flags, payload = padded(flags, depends + block, pad)
    return frame(Kind.HEADERS, flags, stream, payload)


def continuation(stream, block, end_headers=True):
    return frame(Kind.CONTINUATION, END_HEADERS if end_headers else 0, stream, block)


def priority(stream, on=0, weight=16, is_exclusive=False):
    return frame(Kind.PRIORITY, 0, stream, dependency(on, weight, is_exclusive))


def rst_stream(stream, code=Code.CANCEL):
    return frame(Kind.RST_STREAM, 0, stream, struct.pack("!I", code))


def settings(*pairs):
    return frame(Kind.SETTINGS, 0, 0, b"".join(struct.pack("!HI", name, value) for name, value in pairs))


def settings_ack():
    return frame(Kind.SETTINGS, ACK, 0)


def ping(payload=bytes(8), is_ack=False):
    return frame(Kind.PING, ACK if is_ack else 0, 0, payload)


def goaway(last=0, code=Code.NO_ERROR, text=b""):
    return frame(Kind.GOAWAY, 0, 0, struct.pack("!II", last, code) + text)


def window_update(stream, increment):
    return frame(Kind.WINDOW_UPDATE, 0, stream, struct.pack("!I", increment))


def push_promise(stream, promised, block):
    return frame(Kind.PUSH_PROMISE, END_HEADERS, stream, struct.pack("!I", promised) + block)
