"""No attack that is known falls out of the table."""

import pytest
from table import REQUESTS, RESPONSES, SLOW
from table.required import REQUIRED


@pytest.mark.parametrize("name", REQUIRED)
def test_has_a_case(name):
    assert name in REQUESTS or name in RESPONSES or name in SLOW


def test_no_two_cases_are_the_same():
    for table in (REQUESTS, RESPONSES, SLOW):
        names = {}
        for name, case in table.items():
            names.setdefault(case, []).append(name)
        assert [same for same in names.values() if len(same) > 1] == []


def test_refusals_are_not_the_only_answer():
    """A proxy that refuses everything would hold most rows."""
    assert len([case for case in REQUESTS.values() if case.backend]) >= 100
