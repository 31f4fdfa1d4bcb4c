"""h2spec "http2", 5.1 and 5.3: what each state of a stream allows."""

from wire import blocks, frames
from wire.blocks import request
from wire.frames import Code, Setting

from .row import (GET, NO_WINDOW, POST, Answered, Ignored, Row, answered_on, any_error,
                  connection_error, head_of)

CLOSED_BY_RESET = (*any_error(Code.STREAM_CLOSED), Ignored())
SOME = frames.continuation(1, blocks.fields((b"x", b"1")))


def idle(what, sent):
    return Row("9113 5.1", what + " on an idle stream", (sent,), connection_error(Code.PROTOCOL_ERROR))


def half_closed(what, sent, allowed):
    """The answer has begun and cannot end: the stream is half-closed for certain."""
    return Row("9113 5.1", what + " on a stream whose end we have sent", (GET, head_of(1), sent), allowed,
               settings=NO_WINDOW)


def reset(what, sent, allowed):
    return Row("9113 5.1", what + " behind our own RST_STREAM. RFC 7540 wanted STREAM_CLOSED; RFC 9113 5.1 says only "
               "that a closed stream MAY be an error, and lets it be ignored", (POST, frames.rst_stream(1), sent),
               allowed)


def closed(what, sent, allowed):
    return Row("9113 5.1", what + " on a stream that both sides have ended", (GET, answered_on(1), sent), allowed)


def exceed(client):
    """As many streams as the peer allows, which stay open, and one more."""
    limit = client.settings[Setting.MAX_CONCURRENT_STREAMS]
    client.watched = 2 * limit + 1
    for number in range(1, client.watched + 1, 2):
        client.send(frames.headers(number, request()))


CLOSED = (Code.STREAM_CLOSED,)
CLOSED_OR_PROTOCOL = (Code.STREAM_CLOSED, Code.PROTOCOL_ERROR)

ROWS = {
    "http2/5.1/1": idle("DATA", frames.data(1, b"test")),
    "http2/5.1/2": idle("RST_STREAM", frames.rst_stream(1)),
    "http2/5.1/3": idle("WINDOW_UPDATE", frames.window_update(1, 100)),
    "http2/5.1/4": idle("CONTINUATION", frames.continuation(1, request())),
    "http2/5.1/5": half_closed("DATA", frames.data(1, b"test"), any_error(*CLOSED)),
    "http2/5.1/6": half_closed("HEADERS", frames.headers(1, request()), any_error(*CLOSED)),
    "http2/5.1/7": half_closed("CONTINUATION", SOME, connection_error(*CLOSED_OR_PROTOCOL)),
    "http2/5.1/8": reset("DATA", frames.data(1, b"test"), CLOSED_BY_RESET),
    "http2/5.1/9": reset("HEADERS", frames.headers(1, request()), CLOSED_BY_RESET),
    "http2/5.1/10": reset("CONTINUATION (an error by 6.10 in any state)", SOME,
                          connection_error(*CLOSED_OR_PROTOCOL)),
    "http2/5.1/11": closed("DATA", frames.data(1, b"test"), (*any_error(*CLOSED), Ignored())),
    "http2/5.1/12": closed("HEADERS", frames.headers(1, request()), any_error(*CLOSED_OR_PROTOCOL)),
    "http2/5.1/13": closed("CONTINUATION (an error by 6.10 in any state)", SOME,
                           connection_error(*CLOSED_OR_PROTOCOL)),
    "http2/5.1.1/1": Row("9113 5.1.1", "a stream of an even number, which is for servers",
                         (frames.headers(2, request()),), connection_error(Code.PROTOCOL_ERROR)),
    "http2/5.1.1/2": Row("9113 5.1.1", "a new stream below one that was used",
                         (frames.headers(5, request()), answered_on(5), frames.headers(3, request())),
                         connection_error(Code.PROTOCOL_ERROR, Code.STREAM_CLOSED)),
    "http2/5.1.2/1": Row("9113 5.1.2", "one stream more than allowed", (exceed,),
                         any_error(Code.REFUSED_STREAM, Code.PROTOCOL_ERROR), settings=NO_WINDOW),
    "http2/5.3.1/1": Row("7540 5.3.1", "HEADERS that depend on themselves: an error of RFC 7540; RFC 9113 5.3 has "
                         "dropped the whole scheme, so it may be ignored too",
                         (frames.headers(1, request(), depends=frames.dependency(1)),),
                         (*any_error(Code.PROTOCOL_ERROR), Answered())),
    "http2/5.3.1/2": Row("7540 5.3.1", "PRIORITY on itself: the same, and RFC 9113 has dropped it too",
                         (frames.priority(1, on=1),), (*any_error(Code.PROTOCOL_ERROR), Ignored())),
}
