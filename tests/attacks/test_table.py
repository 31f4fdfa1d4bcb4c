"""Each row of the table against the running proxy, over TCP and over TLS, whole and byte by byte; and then somebody
else's request."""

import pytest
from harness.runner import run_backend_case, run_request_case, run_slow_case
from harness.transport import PACES
from table import REQUESTS, RESPONSES, SLOW
from table.case import echo_of
from table.wire import get, got

REFUSED = [name for name, case in REQUESTS.items() if not case.backend and not case.begun and not case.ends]


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", REQUESTS)
def test_request(case_of, transports, recorder, name, pace):
    case = case_of(REQUESTS, name)
    run_request_case(case, pace, transports[case.listener], recorder)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_behind_a_good_request(case_of, transports, recorder, name):
    good = (get(b"/good"), got(b"/good"), echo_of(got(b"/good")))
    case = case_of(REQUESTS, name)
    run_request_case(case, "whole", transports[case.listener], recorder, [good])


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("name", RESPONSES)
def test_response(case_of, transports, recorder, name, pace):
    run_backend_case(case_of(RESPONSES, name), pace, transports["default"], recorder)


@pytest.mark.parametrize("name", SLOW)
def test_slow_client(case_of, transports, recorder, name):
    run_slow_case(case_of(SLOW, name), transports["hasty"], recorder)
