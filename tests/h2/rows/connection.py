"""h2spec "http2", 3.5 to 4.3, 5.4 and 5.5: the preface, the form of frames, the order of field blocks."""

from wire import frames
from wire.blocks import request
from wire.frames import Code, Kind

from .row import ANSWERED, GET, IGNORED, POST, ConnectionError, Row, any_error, connection_error

HALF = len(request()) // 2
BEGUN, REST = frames.headers(1, request()[:HALF], end_headers=False), frames.continuation(1, request()[HALF:])
UNKNOWN = 0xEE
TOO_LARGE = bytes(frames.DEFAULT_FRAME_BYTES + 1)
SHORT_PING = frames.ping(bytes(6))

PREFACES = {
    "http2/3.5/1": Row("9113 3.4", "the preface", (), IGNORED),
    "http2/3.5/2": Row("9113 3.4", "something else in its place: closed, if need be without GOAWAY", (),
                       (ConnectionError((Code.PROTOCOL_ERROR,), needs_goaway=False),),
                       opening=b"INVALID CONNECTION PREFACE\r\n\r\n"),
}

FORM = {
    "http2/4.1/1": Row("9113 4.1", "a frame of a kind that nobody knows", (frames.frame(UNKNOWN, 0, 0, bytes(8)), GET),
                       ANSWERED),
    "http2/4.1/2": Row("9113 4.1", "flags that have no meaning there",
                       (frames.frame(Kind.PING, 0x16, 0, bytes(8)), GET), ANSWERED),
    "http2/4.1/3": Row("9113 4.1", "the reserved bit of a stream's number",
                       (frames.frame(Kind.PING, 0, 1 << 31, bytes(8)), GET), ANSWERED),
    "http2/4.2/1": Row("9113 4.2", "DATA of 16,384 bytes, which everybody takes",
                       (POST, frames.data(1, bytes(frames.DEFAULT_FRAME_BYTES))), ANSWERED),
    "http2/4.2/2": Row("9113 4.2", "DATA of one byte more", (POST, frames.data(1, TOO_LARGE)),
                       any_error(Code.FRAME_SIZE_ERROR)),
    "http2/4.2/3": Row("9113 4.2", "HEADERS of one byte more: the tables would no longer agree",
                       (frames.headers(1, request(b"GET", b"/", (b"x", TOO_LARGE))),),
                       connection_error(Code.FRAME_SIZE_ERROR)),
    "http2/4.3/1": Row("9113 4.3", "a block that cannot be decoded", (frames.headers(1, b"\x82\x84\x86\x00\xff\xff"),),
                       connection_error(Code.COMPRESSION_ERROR)),
    "http2/4.3/2": Row("9113 4.3", "PRIORITY within a block", (BEGUN, frames.priority(1), REST),
                       connection_error(Code.PROTOCOL_ERROR)),
    "http2/4.3/3": Row("9113 4.3", "HEADERS of another stream within a block",
                       (BEGUN, frames.headers(3, request()), REST), connection_error(Code.PROTOCOL_ERROR)),
}

ERRORS = {
    "http2/5.4.1/1": Row("9113 5.4.1", "after a connection error the connection is closed", (SHORT_PING,),
                         connection_error(Code.FRAME_SIZE_ERROR)),
    "http2/5.4.1/2": Row("9113 5.4.1", "and GOAWAY says which error, also behind a stream", (GET, SHORT_PING),
                         connection_error(Code.FRAME_SIZE_ERROR)),
}

EXTENSIONS = {
    "http2/5.5/1": Row("9113 5.5", "an unknown frame, on no stream and on one that is open",
                       (frames.frame(UNKNOWN, 0, 0, bytes(8)), POST, frames.frame(UNKNOWN, 0xFF, 1, bytes(8)),
                        frames.data(1, b"hello")), ANSWERED),
    "http2/5.5/2": Row("9113 5.5", "an unknown frame within a block", (BEGUN, frames.frame(UNKNOWN, 0, 1, bytes(8)),
                                                                       REST), connection_error(Code.PROTOCOL_ERROR)),
}

ROWS = PREFACES | FORM | ERRORS | EXTENSIONS
