"""Each row against the running proxy, over TCP and over TLS."""

import pytest
from table.case import Script
from rows import ROWS
from runner import check_backend, run_row


@pytest.mark.parametrize("name", ROWS)
def test_row(record_property, proxy, recorder, link, name):
    row = ROWS[name]
    record_property("row", name)
    record_property("link", link.name)
    recorder.begin(Script())
    with link.open(proxy.address(link.name)) as client:
        run_row(row, client)
    if row.backend is not None:
        check_backend(recorder, row, link.to_backend)
