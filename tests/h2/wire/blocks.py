"""Field blocks as bytes (RFC 7541): each representation by hand, good or bad. Names and values are never checked."""

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)

# Representations of a literal: (its bits, how many bits the index has).
INDEXING, PLAIN, NEVER = (0x40, 6), (0x00, 4), (0x10, 4)

# Of the static table.
AUTHORITY, METHOD_GET, METHOD_POST, PATH_ROOT, PATH, SCHEME_HTTP, USER_AGENT = 1, 2, 3, 4, 4, 6, 58
FIRST_DYNAMIC = 62


def integer(value, bits, first=0):
    """5.1: `first` holds the bits in front of the prefix."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    rest, value = [], value - most
    while value >= 0x80:
        rest.append(0x80 | value & 0x7F)
        value >>= 7
    return bytes([first | most, *rest, value])


def string(text, huffman=False):
    """5.2"""
    if not huffman:
        return integer(len(text), 7) + text
    coded = HUFFMAN.encode(text)
    return integer(len(coded), 7, 0x80) + coded


def coded(raw):
    """A string said to be of Huffman codes, whatever it is."""
    return integer(len(raw), 7, 0x80) + raw


def indexed(index):
    """6.1"""
    return integer(index, 7, 0x80)


def literal(name, value, how=PLAIN, huffman=False):
    """6.2: `name` is an index or bytes."""
    bits, prefix = how
    head = integer(name, prefix, bits) if isinstance(name, int) else bytes([bits]) + string(name, huffman)
    return head + string(value, huffman)


def size_update(size):
    """6.3"""
    return integer(size, 5, 0x20)


def fields(*pairs):
    """Literals that leave no trace in any table."""
    return b"".join(literal(name, value) for name, value in pairs)


def request(method=b"GET", path=b"/", *more, authority=b"a.test", scheme=b"http"):
    """`more`: pairs behind the pseudo-header fields. None leaves a pseudo-header field out."""
    pseudo = [(b":method", method), (b":scheme", scheme), (b":authority", authority), (b":path", path)]
    return fields(*[pair for pair in pseudo if pair[1] is not None], *more)
