"""The attacks as data: one module a subject, one row a case. Nothing here opens a socket."""

from . import chunks, expect, fields, forwarding, framing, host, paths, pipelining, request_line, resources, responses, upgrade


def merged(*tables):
    """One table of several; an id may stand in one place only."""
    rows = {}
    for table in tables:
        twice = rows.keys() & table.keys()
        assert not twice, f"ids used twice: {sorted(twice)}"
        rows |= table
    return rows


REQUESTS = merged(*(module.ROWS for module in (framing, chunks, fields, request_line, host, paths, forwarding,
                                               pipelining, expect, upgrade, resources)))
RESPONSES = responses.ROWS
SLOW = resources.SLOW
