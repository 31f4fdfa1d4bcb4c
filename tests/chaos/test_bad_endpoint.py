"""One bad endpoint of five: ejected before users can get used to it."""

import pytest
from support.backend import ok
from support.config_file import cluster, config, route, write_config
from support.waiting import eventually
from users import Users

RETRY = {"retry_on": ["connect_failure", "reset", "per_try_timeout"], "codes": [503], "attempts": 1}
# Nobody comes back within the test, and of five endpoints one may go.
NUM_IN_ROW, NUM_WORKERS, NUM_USERS = 5, 2, 8
DETECTION = {"consecutive_5xx": NUM_IN_ROW, "base_ejection_time_ms": 3_600_000, "max_ejection_time_ms": 3_600_000,
             "max_ejection_percent": 20, "interval_ms": 100}


def serve_it(conversation):
    conversation.send(ok(f"served {conversation.request.target}\n"))


def say_503(conversation):
    conversation.send(ok("busy\n", status="503 Busy"))


def reset(conversation):
    conversation.reset()


def stay_silent(conversation):
    conversation.sock.recv(1)  # until the proxy gives up
    conversation.close()


BAD = {"answers 503": say_503, "resets": reset, "accepts, then silence": stay_silent}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_endpoint_of_five_is_not_felt_once_it_is_ejected(start, tmp_path, make_backend, record, seconds, fault):
    backends = [make_backend(serve_it, name=f"endpoint-{i}") for i in range(5)]
    bad = backends[2]
    retry = {**RETRY, "per_try_timeout_ms": 2000} if BAD[fault] is stay_silent else RETRY
    value = config([cluster("only", *backends, outlier_detection=DETECTION)], [route("all", "only", retry=retry)])
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", str(NUM_WORKERS)).wait_ready()

    def is_ejected():
        (page,) = proxy.page("/clusters")["clusters"]
        return [e["port"] for e in page["endpoints"] if e["state"] == "ejected"] == [bad.port]

    with Users(proxy.http, count=NUM_USERS) as users:
        users.wait_more(100)
        bad.handler = BAD[fault]
        eventually(is_ejected, "the bad endpoint to be ejected")
        # Whoever is with it still goes elsewhere.
        eventually(lambda: active_requests(proxy, bad) == 0, "no request to be with the bad endpoint")
        users.wait_more(2 * NUM_USERS)
        before, num_seen, retries = dict(users.outcomes), len(bad.requests), retried(proxy)
        users.wait_more(int(300 * seconds))
    outcomes = users.settle()
    errors = {outcome: count for outcome, count in outcomes.items() if outcome != 200}
    assert errors == {o: count for o, count in before.items() if o != 200}, "users saw errors after the ejection"
    assert len(bad.requests) == num_seen, "the ejected endpoint got requests"
    assert retried(proxy) == retries, "what users did not see was made good by further tries"
    refused = proxy.metric('proxyd_upstream_retries_refused_total{why="budget"}')
    num_errors = sum(errors.values())
    assert num_errors <= refused, f"{errors}, but only {refused} retries were beyond the budget"
    # Each worker may meet a row of failures of its own, and who has asked meanwhile has asked.
    assert num_errors + retries <= NUM_WORKERS * (NUM_IN_ROW + NUM_USERS)
    record(f"one endpoint of five {fault}", sum(outcomes.values()),
           f"{num_errors or 'no'} errors before its ejection ({int(retries)} requests tried again), none after")


def active_requests(proxy, backend):
    (page,) = proxy.page("/clusters")["clusters"]
    return next(e["active_requests"] for e in page["endpoints"] if e["port"] == backend.port)


def retried(proxy):
    return proxy.metric("proxyd_upstream_retries_total")
