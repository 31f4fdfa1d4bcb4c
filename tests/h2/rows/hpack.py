"""h2spec "hpack": blocks that no decoder may take. The tables no longer agree, so the connection ends (RFC 9113
4.3)."""

from wire import blocks, frames
from wire.blocks import coded, indexed, literal, request, size_update
from wire.frames import Code

from .row import Row, connection_error

BEYOND = 70  # behind both tables


def undecodable(section, what, *pieces):
    return Row("7541 " + section, what, (frames.headers(1, b"".join(pieces)),),
               connection_error(Code.COMPRESSION_ERROR), backend=())


def bad_huffman(what, raw):
    return undecodable("5.2", what, request(), bytes([0]) + blocks.string(b"x-test") + coded(raw))


ROWS = {
    "hpack/2.3.3/1": undecodable("2.3.3", "an index behind the end of both tables", request(), indexed(BEYOND)),
    "hpack/2.3.3/2": undecodable("2.3.3", "a literal whose name has such an index", request(),
                                 literal(BEYOND, b"empty")),
    "hpack/4.2/1": undecodable("4.2", "a size update at the end of a block", request(), size_update(1)),
    "hpack/5.2/1": bad_huffman("more than 7 bits of padding", blocks.HUFFMAN.encode(b"test") + b"\xff"),
    "hpack/5.2/2": bad_huffman("padding of zeros", b"\x49\x50\x90"),  # "test" is 49509f
    "hpack/5.2/3": bad_huffman("the end-of-string symbol", b"\xff\xff\xff\xff"),
    "hpack/6.1/1": undecodable("6.1", "the index 0", indexed(0), request()),
    "hpack/6.3/1": undecodable("6.3", "a size update above SETTINGS_HEADER_TABLE_SIZE", size_update(4097), request()),
}
