"""The table has a row for each case of h2spec, and each row says where its rule is from."""

import re

import pytest
from rows import LISTED, ROWS

# h2spec's sections, and how many cases each has. 147 with the one that it skips where an answer has no body.
CASES = {
    "generic/1": 1, "generic/2": 5, "generic/3.1": 3, "generic/3.2": 3, "generic/3.3": 5, "generic/3.4": 1,
    "generic/3.5": 1, "generic/3.7": 1, "generic/3.8": 1, "generic/3.9": 2, "generic/3.10": 2, "generic/4": 4,
    "generic/5": 15,
    "http2/3.5": 2, "http2/4.1": 3, "http2/4.2": 3, "http2/4.3": 3, "http2/5.1": 13, "http2/5.1.1": 2, "http2/5.1.2": 1,
    "http2/5.3.1": 2, "http2/5.4.1": 2, "http2/5.5": 2, "http2/6.1": 3, "http2/6.2": 4, "http2/6.3": 2, "http2/6.4": 3,
    "http2/6.5": 3, "http2/6.5.2": 5, "http2/6.5.3": 2, "http2/6.7": 4, "http2/6.8": 1, "http2/6.9": 3,
    "http2/6.9.1": 3, "http2/6.9.2": 3, "http2/6.10": 6, "http2/7": 2, "http2/8.1": 1, "http2/8.1.2": 1,
    "http2/8.1.2.1": 4, "http2/8.1.2.2": 2, "http2/8.1.2.3": 7, "http2/8.1.2.6": 2, "http2/8.2": 1,
    "hpack/2.3.3": 2, "hpack/4.2": 1, "hpack/5.2": 3, "hpack/6.1": 1, "hpack/6.3": 1,
}


@pytest.mark.parametrize("section", CASES)
def test_has_every_case(section):
    found = sorted((name for name in LISTED if name.rpartition("/")[0] == section), key=lambda n: int(n.split("/")[2]))
    assert found == [f"{section}/{number}" for number in range(1, CASES[section] + 1)]


def test_has_no_other():
    assert len(LISTED) == sum(CASES.values())


def test_every_row_names_its_rule():
    for name, row in ROWS.items():
        assert re.fullmatch(r"(9113|7541|7540|9110|8441|9218|7838|7239) \d+(\.\d+)*", row.section), name
        assert row.what and row.allowed, name
        assert row.section[:4] != "7540" or "RFC 9113" in row.what, f"{name}: what became of it in RFC 9113?"


def test_most_rows_allow_one_answer():
    """A table that allows everything would hold everywhere."""
    assert len([row for row in LISTED.values() if len(row.allowed) == 1]) > 100
