"""Backends that go wrong on some requests: those and no others are felt, and nothing is left behind."""

import itertools
import threading

import pytest
from support.backend import ok
from support.config_file import cluster, config, route, write_config
from support.nginx import free_ports
from support.waiting import eventually
from users import Users

# Every so many requests to a backend go wrong.
EVERY = 10
TIMEOUTS = {"response_head_ms": 500, "response_body_idle_ms": 500}


def serve_it(conversation):
    conversation.send(ok(f"served {conversation.request.target}\n"))


def reset_before_head(conversation):
    conversation.reset()


def reset_in_head(conversation):
    conversation.send(b"HTTP/1.1 200 OK\r\nContent-Le")
    conversation.reset()


def close_in_body(conversation):
    body = f"served {conversation.request.target}\n".encode()
    conversation.send(ok(body)[:-5])
    conversation.close()


def reset_in_chunks(conversation):
    conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nserve\r\n")
    conversation.reset()


def garbage(conversation):
    conversation.send(b"\x00\x01\x02 not HTTP\r\n\r\n")


def stay_silent(conversation):
    conversation.sock.recv(1)  # until the proxy gives up
    conversation.close()


def answer_slowly(conversation):
    data = ok(f"served {conversation.request.target}\n")
    for i in range(0, len(data), 8):
        conversation.send(data[i:i + 8])
        threading.Event().wait(0.01)  # far below the time limits: a slow answer is no fault


# What a user gets whose request met the fault.
FAULTS = {
    "backend resets before the head": (reset_before_head, 502),
    "backend resets within the head": (reset_in_head, 502),
    "backend closes within the body": (close_in_body, "cut"),
    "backend resets within chunks": (reset_in_chunks, "cut"),
    "backend answers garbage": (garbage, 502),
    "backend accepts, then silence": (stay_silent, 504),
    "backend answers slowly": (answer_slowly, 200),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_the_request_that_meets_it(serve, make_backend, record, seconds, fault):
    go_wrong, outcome = FAULTS[fault]
    turns, num_wrong = itertools.count(1), itertools.count()

    def handler(conversation):
        if next(turns) % EVERY == 0 and not is_over.is_set():
            next(num_wrong)
            go_wrong(conversation)
        else:
            serve_it(conversation)

    is_over = threading.Event()
    proxy = serve(make_backend(handler), {"timeouts": TIMEOUTS})
    with Users(proxy.http) as users:
        users.wait_more(int(200 * seconds))
        is_over.set()
        users.wait_more(100)
    outcomes = users.settle()
    faults = next(num_wrong)
    assert faults > 0
    num_good = outcomes.pop(200)
    num_bad = outcomes.pop(outcome, 0)
    assert outcomes == {}, f"{faults} faults, {outcomes}"
    if go_wrong is reset_before_head:
        # On a kept connection that may be a race with its idle timeout: tried once more (RFC 9110 9.2.2).
        assert num_bad < faults
        cost = f"{outcome} for {num_bad} of the {faults} requests that met it: the others were tried again"
    elif outcome == 200:
        cost = "nothing"
    else:
        assert num_bad == faults
        cost = f"{outcome} for each of the {faults} requests that met it, no other"
    record(fault, num_good + num_bad, cost)
    eventually(lambda: proxy.metric("proxyd_requests_active") == 0, "no request to be under way")


def test_a_refusing_endpoint_is_not_felt(start, tmp_path, make_backend, record, seconds):
    backends = [make_backend(serve_it, name=f"good-{i}") for i in range(2)]
    refusing = ("127.0.0.1", free_ports(1)[0])
    file = write_config(tmp_path / "config", config([cluster("only", *backends, refusing)], [route("all", "only")]))
    proxy = start("--config", file, "--workers", "2").wait_ready()
    with Users(proxy.http) as users:
        users.wait_more(int(300 * seconds))
    outcomes = users.settle()
    assert set(outcomes) == {200}
    assert proxy.metric("proxyd_upstream_connect_failures_total") > 0, "the refusing endpoint was never tried"
    record("one endpoint of three refuses connections", outcomes[200], "nothing: another endpoint is tried")
