"""The rows: one module a part of the list, one row a case. Nothing here opens a socket."""

from . import connection, control, downgrade, generic, hpack, messages, ours, streams


def merged(*tables):
    """One table of several; an id may stand in one place only."""
    rows = {}
    for table in tables:
        twice = rows.keys() & table.keys()
        assert not twice, f"ids used twice: {sorted(twice)}"
        rows |= table
    return rows


# What h2spec asks for, by its ids.
LISTED = merged(*(module.ROWS for module in (generic, connection, streams, control, messages, hpack)))
# What it does not, and what a backend of HTTP/1.1 must never get.
ROWS = merged(LISTED, ours.ROWS, downgrade.ROWS)
