"""Each row of the table against the running proxy, whole and byte by byte, and then somebody else's request."""

import pytest
from harness.runner import run_backend_case, run_request_case
from harness.transport import PACES
from table import REQUESTS, RESPONSES
from table.case import echo_of
from table.wire import get, got

REFUSED = [name for name, case in REQUESTS.items() if not case.backend and not case.begun and not case.ends]


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", REQUESTS)
def test_request(case_of, transport, recorder, name, pace):
    run_request_case(case_of(REQUESTS, name), pace, transport, recorder)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_behind_a_good_request(case_of, transport, recorder, name):
    good = (get(b"/good"), got(b"/good"), echo_of(got(b"/good")))
    run_request_case(case_of(REQUESTS, name), "whole", transport, recorder, [good])


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", RESPONSES)
def test_response(case_of, transport, recorder, name, pace):
    run_backend_case(case_of(RESPONSES, name), pace, transport, recorder)
