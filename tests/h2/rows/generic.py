"""h2spec "generic": what every peer must take. Rows of RFC 7540 that RFC 9113 changed say so."""

from table.wire import post
from wire import blocks, frames
from wire.blocks import INDEXING, NEVER, PLAIN, indexed, literal, request, size_update
from wire.frames import Setting

from .row import ANSWERED, GET, IGNORED, NO_WINDOW, POST, Answered, Row, answered_on, head_of, sync

OVER_PRIORITY = "deprecated since RFC 9113 5.3.2, but still to be taken: "
UNANSWERED = Answered(num_body_bytes=0)
ONE_BYTE = (Answered(num_body_bytes=1),)
HALF = len(request()) // 2
SPLIT = (request()[:HALF], request()[HALF:])


def priority_row(what, **kwargs):
    return Row("9113 5.3.2", OVER_PRIORITY + what, (frames.priority(**kwargs), GET), ANSWERED)


CONNECTION = {
    "generic/1/1": Row("9113 3.4", "the preface; SETTINGS come back, and ours are acknowledged", (), IGNORED),
}

STREAMS = {
    "generic/2/1": Row("9113 5.1", "PRIORITY on an idle stream changes nothing", (frames.priority(1),), IGNORED),
    "generic/2/2": Row("9113 5.1", "WINDOW_UPDATE on a half-closed stream lets a byte through",
                       (GET, head_of(1), frames.window_update(1, 1)), ONE_BYTE, settings=NO_WINDOW),
    "generic/2/3": Row("9113 5.1", "PRIORITY on a half-closed stream changes nothing",
                       (GET, head_of(1), frames.priority(1), frames.window_update(1, 1)), ONE_BYTE,
                       settings=NO_WINDOW),
    "generic/2/4": Row("9113 5.1", "RST_STREAM on a half-closed stream ends it quietly",
                       (GET, head_of(1), frames.rst_stream(1)), IGNORED, settings=NO_WINDOW),
    "generic/2/5": Row("9113 5.1", "PRIORITY on a closed stream changes nothing",
                       (GET, answered_on(1), frames.priority(1)), IGNORED),
}

FRAMES = {
    "generic/3.1/1": Row("9113 6.1", "a body in one DATA", (POST, frames.data(1, b"hello")), ANSWERED),
    "generic/3.1/2": Row("9113 6.1", "a body in several DATA",
                         (POST, frames.data(1, b"hel", end=False), frames.data(1, b"lo")), ANSWERED),
    "generic/3.1/3": Row("9113 6.1", "DATA with padding", (POST, frames.data(1, b"hello", pad=200)), ANSWERED),
    "generic/3.2/1": Row("9113 6.2", "a HEADERS", (GET,), ANSWERED),
    "generic/3.2/2": Row("9113 6.2", "HEADERS with padding", (frames.headers(1, request(), pad=200),), ANSWERED),
    "generic/3.2/3": Row("9113 6.2", OVER_PRIORITY + "HEADERS with a priority",
                         (frames.headers(1, request(), depends=frames.dependency(0, 256, True)),), ANSWERED),
    "generic/3.3/1": priority_row("the least weight", stream=1, weight=1),
    "generic/3.3/2": priority_row("the greatest weight", stream=1, weight=256),
    "generic/3.3/3": priority_row("a dependency", stream=3, on=1),
    "generic/3.3/4": priority_row("an exclusive one", stream=1, is_exclusive=True),
    "generic/3.3/5": priority_row("an idle stream, and then a request on a lower one: PRIORITY opens nothing",
                                  stream=3),
    "generic/3.4/1": Row("9113 6.4", "RST_STREAM on an open stream ends it quietly",
                         (POST, frames.rst_stream(1)), IGNORED),
    "generic/3.5/1": Row("9113 6.5", "SETTINGS are acknowledged",
                         (frames.settings((Setting.MAX_CONCURRENT_STREAMS, 10)),
                          lambda client: client.wait(lambda: client.num_settings_acks == 2, "an ack")), IGNORED),
    "generic/3.7/1": Row("9113 6.7", "PING comes back", (sync,), IGNORED),
    "generic/3.8/1": Row("9113 6.8", "GOAWAY of ours: streams that are open are served to their end",
                         (GET, frames.goaway()), (Answered(is_last=True),)),
    "generic/3.9/1": Row("9113 6.9", "WINDOW_UPDATE of the connection", (frames.window_update(0, 1), GET), ANSWERED),
    "generic/3.9/2": Row("9113 6.9", "WINDOW_UPDATE of a stream", (GET, head_of(1), frames.window_update(1, 1)),
                         ONE_BYTE, settings=NO_WINDOW),
    "generic/3.10/1": Row("9113 6.10", "a block in HEADERS and one CONTINUATION",
                          (frames.headers(1, SPLIT[0], end_headers=False), frames.continuation(1, SPLIT[1])), ANSWERED),
    "generic/3.10/2": Row("9113 6.10", "a block in HEADERS and two CONTINUATION, one of them empty",
                          (frames.headers(1, SPLIT[0], end_headers=False),
                           frames.continuation(1, b"", end_headers=False), frames.continuation(1, SPLIT[1])), ANSWERED),
}

EXCHANGES = {
    "generic/4/1": Row("9113 8.1", "GET", (GET,), (Answered(body=b"GET / HTTP/1.1"),)),
    "generic/4/2": Row("9113 8.1", "HEAD: the head alone, which ends the stream",
                       (frames.headers(1, request(b"HEAD")),), (Answered(body=b""),)),
    "generic/4/3": Row("9113 8.1", "POST with a body", (POST, frames.data(1, b"hello")), ANSWERED,
                       backend=(post(chunks=b"hello"),)),
    "generic/4/4": Row("9113 8.1", "POST with trailers",
                       (POST, frames.data(1, b"hello", end=False), frames.headers(1, blocks.fields((b"x-t", b"1")))),
                       ANSWERED, backend=(post(chunks=b"hello", trailers=[b"x-t: 1"]),)),
}

PSEUDO = indexed(blocks.METHOD_GET) + indexed(blocks.SCHEME_HTTP) + indexed(blocks.PATH_ROOT)


def block_row(section, what, *pieces):
    """Twice, so that what went into a table is there for the second time."""
    block = b"".join(pieces)
    return Row("7541 " + section, what, (frames.headers(1, block), answered_on(1),
                                         frames.headers(3, block), answered_on(3)), ANSWERED)


def literal_row(section, what, name, how, huffman):
    return block_row(section, what + (", in Huffman codes" if huffman else ""),
                     PSEUDO, literal(blocks.AUTHORITY, b"a.test"), literal(name, b"value", how, huffman))


HPACK = {
    "generic/5/1": Row("7541 6.1", "indexed fields alone; the host is in the dynamic table by then",
                       (frames.headers(1, PSEUDO + literal(blocks.AUTHORITY, b"a.test", INDEXING)), answered_on(1),
                        frames.headers(3, PSEUDO + indexed(blocks.FIRST_DYNAMIC)), answered_on(3)), ANSWERED),
    **{f"generic/5/{number}": literal_row(section, what, name, how, huffman) for number, (section, what, name, how,
       huffman) in enumerate(((section, f"literal {what}, {named}", name, how, huffman)
                              for section, what, how in (("6.2.1", "that is indexed", INDEXING),
                                                         ("6.2.2", "that is not indexed", PLAIN),
                                                         ("6.2.3", "that is never indexed", NEVER))
                              for named, name in (("name by index", blocks.USER_AGENT), ("new name", b"x-name"))
                              for huffman in (False, True)), start=2)},
    "generic/5/14": block_row("6.3", "a size update in front", size_update(128), PSEUDO,
                              literal(blocks.AUTHORITY, b"a.test", INDEXING)),
    "generic/5/15": block_row("6.3", "two size updates in front", size_update(0), size_update(4096), PSEUDO,
                              literal(blocks.AUTHORITY, b"a.test", INDEXING)),
}

ROWS = CONNECTION | STREAMS | FRAMES | EXCHANGES | HPACK
