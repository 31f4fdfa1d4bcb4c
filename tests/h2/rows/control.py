"""h2spec "http2", 6 and 7: frames one by one, their sizes and their streams; flow control; error codes."""

from wire import blocks, frames
from wire.blocks import request
from wire.frames import Code, Kind, Setting

from .row import (ANSWERED, GET, IGNORED, NO_WINDOW, POST, Answered, Row, acknowledged, any_error, body_of,
                  connection_error, head_of)

HALF = len(request()) // 2
BEGUN, REST = frames.headers(1, request()[:HALF], end_headers=False), frames.continuation(1, request()[HALF:])
MORE = frames.continuation(1, blocks.fields((b"x", b"1")))
PROTOCOL, SIZE, FLOW = (connection_error(code) for code in (Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR,
                                                            Code.FLOW_CONTROL_ERROR))
ON_NO_STREAM = " on stream 0"


def bad(section, what, sent, allowed=PROTOCOL):
    return Row("9113 " + section, what, (sent,) if isinstance(sent, bytes) else sent, allowed)


def bad_setting(what, name, value, allowed=PROTOCOL):
    return bad("6.5.2", what, frames.settings((name, value)), allowed)


def check_no_pong(client):
    client.sync()
    assert client.pings.count(b"an ack!!") == 0, "an ack was answered"


FRAMES = {
    "http2/6.1/1": bad("6.1", "DATA" + ON_NO_STREAM, frames.data(0, b"test")),
    "http2/6.1/2": Row("9113 6.1", "DATA on a stream that we have ended", (GET, head_of(1), frames.data(1, b"test")),
                       any_error(Code.STREAM_CLOSED), settings=NO_WINDOW),
    "http2/6.1/3": bad("6.1", "DATA with more padding than frame",
                       (POST, frames.frame(Kind.DATA, frames.PADDED | frames.END_STREAM, 1, b"\x06test"))),
    "http2/6.2/1": bad("6.2", "PRIORITY before a block is whole", (BEGUN, frames.priority(1), REST)),
    "http2/6.2/2": bad("6.2", "HEADERS of another stream before a block is whole",
                       (BEGUN, frames.headers(3, request()), REST)),
    "http2/6.2/3": bad("6.2", "HEADERS" + ON_NO_STREAM, frames.headers(0, request())),
    "http2/6.2/4": bad("6.2", "HEADERS with more padding than frame", frames.frame(
        Kind.HEADERS, frames.PADDED | frames.END_STREAM | frames.END_HEADERS, 1,
        bytes([len(request()) + 1]) + request())),
    "http2/6.3/1": bad("6.3", "PRIORITY" + ON_NO_STREAM, frames.priority(0)),
    "http2/6.3/2": bad("6.3", "PRIORITY of 4 bytes; RFC 9113 keeps this rule of a frame that it deprecates",
                       (POST, frames.frame(Kind.PRIORITY, 0, 1, bytes(4))), any_error(Code.FRAME_SIZE_ERROR)),
    "http2/6.4/1": bad("6.4", "RST_STREAM" + ON_NO_STREAM, frames.rst_stream(0)),
    "http2/6.4/2": bad("6.4", "RST_STREAM on an idle stream", frames.rst_stream(1)),
    "http2/6.4/3": bad("6.4", "RST_STREAM of 3 bytes", (POST, frames.frame(Kind.RST_STREAM, 0, 1, bytes(3))), SIZE),
    "http2/6.7/1": Row("9113 6.7", "PING comes back with its bytes", (
        frames.ping(b"12345678"), lambda client: client.wait(lambda: b"12345678" in client.pings, "the same bytes")),
        IGNORED),
    "http2/6.7/2": Row("9113 6.7", "PING that is an ack is not answered",
                       (frames.ping(b"an ack!!", is_ack=True), check_no_pong), IGNORED),
    "http2/6.7/3": bad("6.7", "PING on a stream", frames.frame(Kind.PING, 0, 1, bytes(8))),
    "http2/6.7/4": bad("6.7", "PING of 6 bytes", frames.ping(bytes(6)), SIZE),
    "http2/6.8/1": bad("6.8", "GOAWAY on a stream", frames.frame(Kind.GOAWAY, 0, 1, bytes(8))),
}

SETTINGS = {
    "http2/6.5/1": bad("6.5", "an ack of SETTINGS that carries one",
                       frames.frame(Kind.SETTINGS, frames.ACK, 0, bytes(6)), SIZE),
    "http2/6.5/2": bad("6.5", "SETTINGS on a stream", frames.frame(Kind.SETTINGS, 0, 1, bytes(6))),
    "http2/6.5/3": bad("6.5", "SETTINGS of 3 bytes", frames.frame(Kind.SETTINGS, 0, 0, bytes(3)), SIZE),
    "http2/6.5.2/1": bad_setting("ENABLE_PUSH is neither 0 nor 1", Setting.ENABLE_PUSH, 2),
    "http2/6.5.2/2": bad_setting("INITIAL_WINDOW_SIZE above the greatest window", Setting.INITIAL_WINDOW_SIZE, 1 << 31,
                                 FLOW),
    "http2/6.5.2/3": bad_setting("MAX_FRAME_SIZE below 16,384", Setting.MAX_FRAME_SIZE, 16_383),
    "http2/6.5.2/4": bad_setting("MAX_FRAME_SIZE above 24 bits", Setting.MAX_FRAME_SIZE, 1 << 24),
    "http2/6.5.2/5": bad_setting("a setting that nobody knows", 0xFF, 1, IGNORED),
    "http2/6.5.3/1": Row("9113 6.5.3", "a setting twice in a frame: the later one counts", (
        acknowledged((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 1)), GET),
        (Answered(num_body_bytes=1),)),
    "http2/6.5.3/2": Row("9113 6.5.3", "SETTINGS are acknowledged", (acknowledged((Setting.ENABLE_PUSH, 0)),), IGNORED),
}

FLOW_CONTROL = {
    "http2/6.9/1": bad("6.9", "an increment of 0 for the connection", frames.window_update(0, 0)),
    "http2/6.9/2": bad("6.9", "an increment of 0 for a stream", (POST, frames.window_update(1, 0)),
                       any_error(Code.PROTOCOL_ERROR)),
    "http2/6.9/3": bad("6.9", "WINDOW_UPDATE of 3 bytes", frames.frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3)), SIZE),
    "http2/6.9.1/1": Row("9113 6.9.1", "a window of one byte lets one byte through", (GET,),
                         (Answered(num_body_bytes=1),), settings=((Setting.INITIAL_WINDOW_SIZE, 1),)),
    "http2/6.9.1/2": bad("6.9.1", "the connection's window above its greatest",
                         frames.window_update(0, frames.MAX_WINDOW) * 2, FLOW),
    "http2/6.9.1/3": bad("6.9.1", "a stream's window above its greatest",
                         (POST, frames.window_update(1, frames.MAX_WINDOW) * 2), any_error(Code.FLOW_CONTROL_ERROR)),
    "http2/6.9.2/1": Row("9113 6.9.2", "a new initial window changes those of streams", (
        GET, head_of(1), acknowledged((Setting.INITIAL_WINDOW_SIZE, 1))), (Answered(num_body_bytes=1),),
        settings=NO_WINDOW),
    "http2/6.9.2/2": Row("9113 6.9.2", "and may take them below 0: three bytes had come, and 2 - 3 + 2 = 1", (
        GET, body_of(1, 3), acknowledged((Setting.INITIAL_WINDOW_SIZE, 2)), frames.window_update(1, 2)),
        (Answered(num_body_bytes=4),), settings=((Setting.INITIAL_WINDOW_SIZE, 3),)),
    "http2/6.9.2/3": bad_setting("an initial window above the greatest", Setting.INITIAL_WINDOW_SIZE, 0xFFFFFFFF, FLOW),
}

BLOCKS = {
    "http2/6.10/1": Row("9113 6.10", "a block in HEADERS and many CONTINUATION", (
        frames.headers(1, request()[:1], end_headers=False),
        *(frames.continuation(1, bytes([byte]), end_headers=False) for byte in request()[1:6]),
        frames.continuation(1, request()[6:])), ANSWERED),
    "http2/6.10/2": bad("6.10", "PING between CONTINUATION", (
        BEGUN, frames.continuation(1, b"", end_headers=False), frames.ping(), REST)),
    "http2/6.10/3": bad("6.10", "CONTINUATION" + ON_NO_STREAM, (BEGUN, frames.continuation(0, request()[HALF:]))),
    "http2/6.10/4": bad("6.10", "CONTINUATION behind a block that HEADERS ended",
                        (frames.headers(1, request(b"POST"), end_stream=False), MORE)),
    "http2/6.10/5": bad("6.10", "CONTINUATION behind a block that CONTINUATION ended",
                        (frames.headers(1, request(b"POST")[:HALF], end_stream=False, end_headers=False),
                         frames.continuation(1, request(b"POST")[HALF:]), MORE)),
    "http2/6.10/6": bad("6.10", "CONTINUATION behind DATA", (POST, frames.data(1, b"test", end=False), MORE)),
}

CODES = {
    "http2/7/1": Row("9113 7", "GOAWAY with a code that nobody knows", (GET, frames.goaway(0, 0xFF)),
                     (Answered(is_last=True),)),
    "http2/7/2": Row("9113 7", "RST_STREAM with a code that nobody knows", (POST, frames.rst_stream(1, 0xFF)), IGNORED),
}

ROWS = FRAMES | SETTINGS | FLOW_CONTROL | BLOCKS | CODES
