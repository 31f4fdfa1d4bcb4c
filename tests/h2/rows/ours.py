"""What RFC 9113 says beyond h2spec's list."""

from table.wire import got, post
from wire import blocks, frames
from wire.blocks import INDEXING, indexed, literal, request, size_update
from wire.frames import Code, Kind, Setting

from .row import (ANSWERED, GET, IGNORED, POST, Answered, ConnectionError, Row, acknowledged, answered_on, any_error,
                  connection_error, stream_error, watch)

KILOBYTE = bytes(b"a" * 1000)
REFUSED_LARGE = (Answered((431,)), *any_error(Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM, Code.COMPRESSION_ERROR))


def large(what, *pairs, path=b"/", section="9113 10.5.1"):
    """In as many CONTINUATION as it takes."""
    block = request(b"GET", path, *pairs)
    size = frames.DEFAULT_FRAME_BYTES
    pieces = [block[i:i + size] for i in range(0, len(block), size)]
    first = frames.headers(1, pieces[0], end_headers=len(pieces) == 1)
    rest = [frames.continuation(1, piece, end_headers=i == len(pieces) - 1) for i, piece in enumerate(pieces) if i]
    return Row(section, what, (first, *rest), (Answered((414,)), *REFUSED_LARGE), backend=())


def check_settings(client):
    """What the peer announces is within what it may (6.5.2), and bounded."""
    assert client.settings.get(Setting.HEADER_TABLE_SIZE, 4096) <= 65_536
    assert client.settings[Setting.MAX_CONCURRENT_STREAMS] <= 1000
    assert client.settings[Setting.MAX_HEADER_LIST_SIZE] <= 1 << 20
    assert frames.DEFAULT_FRAME_BYTES <= client.settings.get(Setting.MAX_FRAME_SIZE, 16_384) < 1 << 24
    assert client.settings.get(Setting.INITIAL_WINDOW_SIZE, 65_535) <= 1 << 20


def smaller_table(client):
    """Our decoder allows no table any more, so it has to be told so in the next block (RFC 7541 4.2)."""
    acknowledged((Setting.HEADER_TABLE_SIZE, 0))(client)
    client.decoder.header_table_size = 0
    client.decoder.max_allowed_table_size = 0


def check_small_frames(client):
    """Its answer comes in frames that everybody takes."""
    assert all(" (" not in line or int(line.rsplit("(", 1)[1].split()[0]) <= 16_384 for line in client.log)


CONNECTION = {
    "preface-no-settings": Row("9113 3.4", "the preface, and PING where SETTINGS are due", (),
                               connection_error(Code.PROTOCOL_ERROR), opening=frames.PREFACE + frames.ping()),
    "preface-twice": Row("9113 3.4", "the preface once more is a frame, and too large a one", (frames.PREFACE,),
                         connection_error(Code.FRAME_SIZE_ERROR, Code.PROTOCOL_ERROR)),
    "preface-cut": Row("9113 3.4", "the preface goes wrong at its last byte", (),
                       (ConnectionError((Code.PROTOCOL_ERROR,), needs_goaway=False),),
                       opening=frames.PREFACE[:-1] + b"X" + frames.settings()),
    "preface-with-request": Row("9113 3.4", "a request in the same write as the preface, before any settings came",
                                (answered_on(1),), ANSWERED, opening=frames.PREFACE + frames.settings() + GET),
    "settings-of-server": Row("9113 6.5.2", "the settings that come are bounded", (check_settings, GET), ANSWERED),
    "settings-table-zero": Row("7541 4.2", "we allow no table: the next block says so, and the one behind it works",
                               (GET, answered_on(1), smaller_table, frames.headers(3, request()), answered_on(3)),
                               ANSWERED),
    "settings-large-frames": Row("9113 6.5.2", "we allow frames of 1 MB: nobody has to send them",
                                 (acknowledged((Setting.MAX_FRAME_SIZE, 1 << 20)), GET, answered_on(1),
                                  check_small_frames), ANSWERED),
    "settings-no-pushes": Row("9113 6.5.2", "pushes off, or on: none comes", (
        acknowledged((Setting.ENABLE_PUSH, 0)), acknowledged((Setting.ENABLE_PUSH, 1)), GET), ANSWERED),
    "goaway-then-streams": Row("9113 6.8", "GOAWAY of ours is about streams of the server, and says that we are "
                               "going: a later one may be served, or the connection closed",
                               (frames.goaway(), frames.headers(1, request())), (Answered(is_last=True), ConnectionError((Code.NO_ERROR,), needs_goaway=False))),
    "goaway-short": Row("9113 6.8", "GOAWAY of 7 bytes", (frames.frame(Kind.GOAWAY, 0, 0, bytes(7)),),
                        connection_error(Code.FRAME_SIZE_ERROR)),
    "priority-update": Row("9218 7.1", "PRIORITY_UPDATE is an extension: ignored by whoever does not know it",
                           (GET, frames.frame(0x10, 0, 0, b"\0\0\0\1u=1")), ANSWERED),
    "altsvc": Row("7838 4", "ALTSVC of a client is ignored", (frames.frame(0x0A, 0, 0, b"\0\0"), GET), ANSWERED),
}

STREAMS = {
    "window-update-closed": Row("9113 5.1", "WINDOW_UPDATE on a stream that has just closed is ignored",
                                (GET, answered_on(1), frames.window_update(1, 1)), IGNORED),
    "rst-closed": Row("9113 5.1", "RST_STREAM on a stream that has just closed is ignored",
                      (GET, answered_on(1), frames.rst_stream(1)), IGNORED),
    "stream-last": Row("9113 5.1.1", "the greatest number of a stream; there is no other behind it",
                       (frames.headers(frames.MAX_WINDOW, request()), watch(frames.MAX_WINDOW)),
                       (Answered(is_last=True),)),
    "stream-gaps": Row("9113 5.1.1", "numbers may be left out, which closes those streams: DATA on one may be an error",
                       (frames.headers(101, request()), answered_on(101), frames.data(99, b"x")),
                       (*any_error(Code.STREAM_CLOSED, Code.PROTOCOL_ERROR), *IGNORED)),
    "push-promise-answer": Row("9113 8.4", "PUSH_PROMISE on an open stream", (POST, frames.push_promise(
        1, 2, request())), connection_error(Code.PROTOCOL_ERROR)),
    "reset-half-way": Row("9113 6.4", "RST_STREAM within a body: the backend never gets it whole",
                          (POST, frames.data(1, b"hello", end=False), frames.rst_stream(1)), IGNORED, backend=(),
                          begun=post(chunks=b"hello")),
}

MESSAGES = {
    "trailers-kept": Row("9113 8.1", "trailers reach the backend", (
        POST, frames.data(1, b"hello", end=False), frames.headers(1, blocks.fields((b"x-sum", b"1")))), ANSWERED,
        backend=(post(chunks=b"hello", trailers=[b"x-sum: 1"]),)),
    "trailers-after-nothing": Row("9113 8.1", "trailers without a body", (
        POST, frames.headers(1, blocks.fields((b"x-sum", b"1")))), ANSWERED,
        backend=(post(chunks=b"", trailers=[b"x-sum: 1"]),)),
    "length-known": Row("9113 8.1.1", "content-length stays", (
        frames.headers(1, request(b"POST", b"/", (b"content-length", b"5")), end_stream=False),
        frames.data(1, b"hello")), ANSWERED, backend=(post(body=b"hello"),)),
    "length-known-padded": Row("9113 8.1.1", "padding is no part of the content", (
        frames.headers(1, request(b"POST", b"/", (b"content-length", b"5")), end_stream=False),
        frames.data(1, b"hel", end=False, pad=9), frames.data(1, b"lo", pad=0)), ANSWERED,
        backend=(post(body=b"hello"),)),
    "length-unknown": Row("9113 8.1", "no content-length: HTTP/1.1 needs chunks", (POST, frames.data(1, b"hello")),
                          ANSWERED, backend=(post(chunks=b"hello"),)),
    "length-none": Row("9113 8.1", "HEADERS end the stream: no body", (frames.headers(1, request(b"POST")),), ANSWERED,
                       backend=(post(),)),
    "length-empty-data": Row("9113 8.1", "an empty DATA ends the stream", (POST, frames.data(1)), ANSWERED,
                             backend=(post(chunks=b""),)),
    "head-alone": Row("9113 8.1", "HEAD reaches the backend as such", (frames.headers(1, request(b"HEAD")),),
                      (Answered(body=b""),), backend=(got(b"/").replace(b"GET", b"HEAD", 1),)),
    "method-any": Row("9110 9.1", "a method that nobody knows", (frames.headers(1, request(b"BREW")),), ANSWERED,
                      backend=(got(b"/").replace(b"GET", b"BREW", 1),)),
    "options-star": Row("9113 8.3.1", "OPTIONS * is the path *; this proxy serves no request about itself", (
        frames.headers(1, request(b"OPTIONS", b"*")),), (Answered((200, 204, 400, 404, 405, 501)),
                                                         *stream_error(Code.PROTOCOL_ERROR))),
    "two-streams": Row("9113 5.1.2", "two requests in one write", (GET + frames.headers(3, request(b"GET", b"/b")),
                                                                   answered_on(3)), ANSWERED),
}

LIMITS = {
    "head-large": large("fields of 128 KB", *[(b"x-%d" % i, KILOBYTE) for i in range(90)], (b"x", KILOBYTE * 40)),
    "head-large-field": large("a field of 128 KB", (b"x", KILOBYTE * 128)),
    "head-many": large("20,000 fields", *[(b"x", b"1")] * 20_000),
    "head-101": large("101 fields", *[(b"x", b"1")] * 101),
    "path-large": large("a path of 60,000 bytes", path=b"/" + b"a" * 60_000, section="9110 15.5.15"),
    "table-small": Row("7541 4.2", "we use no table at all", (
        frames.headers(1, size_update(0) + request() + literal(b"x", b"1", INDEXING)), answered_on(1),
        frames.headers(3, request()), answered_on(3)), ANSWERED),
    "table-evicted": Row("7541 4.4", "an entry as large as the table empties it, and its index is gone", (
        frames.headers(1, request() + literal(b"a", b"1", INDEXING) + literal(b"b", b"x" * 5000, INDEXING)),
        answered_on(1), frames.headers(3, request() + indexed(blocks.FIRST_DYNAMIC))),
        connection_error(Code.COMPRESSION_ERROR)),
    "integer-endless": Row("7541 5.1", "an integer that goes on for ever", (
        frames.headers(1, b"\xff" + b"\x80" * 100 + b"\x01"),), connection_error(Code.COMPRESSION_ERROR)),
    "integer-overflow": Row("7541 5.1", "an integer of 64 bits", (
        frames.headers(1, request() + b"\x00\x7f" + b"\xff" * 9 + b"\x01"),), connection_error(Code.COMPRESSION_ERROR)),
    "string-cut": Row("7541 5.2", "a string longer than its block", (frames.headers(1, request() + b"\x00\x05x"),),
                      connection_error(Code.COMPRESSION_ERROR)),
}

ROWS = CONNECTION | STREAMS | MESSAGES | LIMITS
