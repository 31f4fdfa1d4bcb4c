"""Each row against the running proxy, over TCP and over TLS, and byte by byte."""

import pytest
from links import LINKS, send_bytewise
from rows import ROWS
from runner import check_backend, run_row
from table.case import Script


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("kind, pace", [("tcp", "whole"), ("tcp", "bytewise"), ("tls", "whole")])
def test_row(record_property, proxy, recorder, kind, pace, name):
    row, link = ROWS[name], LINKS[kind]
    record_property("row", name)
    record_property("link", kind)
    recorder.begin(Script())
    with link.open(proxy.address(kind)) as client:
        if pace == "bytewise":
            client.link.send = send_bytewise(client.link.send)
        run_row(row, client)
    if row.backend is not None:
        check_backend(recorder, row, link.to_backend)
