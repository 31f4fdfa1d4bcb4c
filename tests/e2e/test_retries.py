"""Further tries: backends that fail in every way a raw socket can, and what users and operators see of it."""

import json
import socket
import struct
import threading

import pytest

from support.config_file import cluster, config, route, write_config
from support.http_client import RawClient
from support.waiting import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
BUSY = b"HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy"
RETRY = {"retry_on": ["connect_failure", "reset", "per_try_timeout"], "codes": [503], "attempts": 2,
         "backoff": {"base_ms": 1, "max_ms": 10}}


def answering(connection):
    """Answers every request with 200 and what it was, as JSON."""
    while (request := connection.read_request()) is not None:
        seen = json.dumps({"method": request.method, "body": request.body.decode(),
                           "left": request.header("x-left")}).encode()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(seen), seen))


def resetting(*pieces):
    """Takes a request, sends `pieces` and resets."""
    def script(connection):
        if connection.read_request() is not None:
            for piece in pieces:
                connection.send(piece)
            connection.reset()
    return script


def busy(connection):
    while connection.read_request() is not None:
        connection.send(BUSY)


def silent(connection):
    if connection.read_request() is not None:
        connection.wait_end()


@pytest.fixture
def serve(start, tmp_path):
    """serve(*backends, **rule): a proxy with one worker in front of one cluster."""
    def serve_backends(*backends, **rule):
        value = config([cluster("only", *backends)], [route("all", "only", **rule)])
        return start("--config", write_config(tmp_path / "config", value), "--workers", "1",
                     "--admin", "127.0.0.1:0").wait_ready()
    return serve_backends


@pytest.mark.parametrize("bad", [resetting(), resetting(b"HTTP/1.1 200 OK\r\nContent-"), busy, silent],
                         ids=["reset-before-head", "reset-in-head", "status", "silence"])
def test_users_do_not_see_what_another_endpoint_can_make_good(serve, make_raw_backend, bad):
    """Two of three fail: with two retries, which avoid all that failed before, every request succeeds."""
    backends = [make_raw_backend(bad), make_raw_backend(bad), make_raw_backend(answering)]
    proxy = serve(*backends, retry={**RETRY, "per_try_timeout_ms": 300})
    with RawClient(proxy.http) as client:
        for number in range(6):
            response = client.request("PUT", target=f"/{number}", body=b"x" * 1000)
            assert response.status == 200
            assert json.loads(response.body)["body"] == "x" * 1000
            assert proxy.wait_log(path=f"/{number}").get("tries", 1) <= 3
    assert proxy.metric("proxyd_upstream_retries_total") >= 3


def test_reset_in_the_body_is_passed_on(serve, make_raw_backend):
    backend = make_raw_backend(resetting(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"))
    proxy = serve(backend, retry=RETRY)
    with RawClient(proxy.http) as client:
        response = client.request(target="/cut")
        assert (response.status, response.is_whole) == (200, False)
    assert "tries" not in proxy.wait_log(path="/cut")
    assert backend.num_connections == 1


def test_post_is_not_sent_twice(serve, make_raw_backend):
    backend = make_raw_backend(resetting())
    proxy = serve(backend, retry=RETRY)
    assert proxy.ask(target="/post", method="POST", body=b"once").status == 502
    entry = proxy.wait_log(path="/post")
    assert entry["no_retry"] == "method" and entry["why"].startswith("upstream_reset")
    assert backend.num_connections == 1
    assert proxy.metric('proxyd_upstream_retries_refused_total{why="method"}') == 1


def test_post_is_sent_again_when_no_connection_was_made(serve, make_raw_backend):
    gone, good = make_raw_backend(answering), make_raw_backend(answering)
    gone.close()
    proxy = serve(gone, good, retry=RETRY)
    for number in range(4):
        assert proxy.ask(target=f"/{number}", method="POST", body=b"x").status == 200


def test_body_over_the_buffer_is_not_sent_again(serve, make_raw_backend):
    proxy = serve(make_raw_backend(resetting()), retry={**RETRY, "buffer_bytes": 1000})
    assert proxy.ask(target="/large", method="PUT", body=b"x" * 1001).status == 502
    assert proxy.wait_log(path="/large")["no_retry"] == "body"
    assert proxy.metric("proxyd_retry_buffer_overflows_total") == 1
    assert proxy.metric('proxyd_upstream_retries_refused_total{why="body"}') == 1


def test_last_failure_is_passed_on_after_all_attempts(serve, make_raw_backend):
    backend = make_raw_backend(busy)
    proxy = serve(backend, retry=RETRY)
    response = proxy.ask(target="/busy")
    assert (response.status, response.body) == (503, b"busy")
    entry = proxy.wait_log(path="/busy")
    assert (entry["tries"], entry["no_retry"]) == (3, "attempts")
    assert proxy.metric('proxyd_upstream_retries_by_reason_total{reason="status"}') == 2


def test_budget_bounds_the_retries_of_a_cluster(serve, make_raw_backend):
    """Ten requests fail at once; only one may be in a retry, and waits long."""
    barrier = threading.Barrier(10)

    def together(connection):
        if connection.read_request() is not None:
            barrier.wait(30)
            connection.reset()

    retry = {**RETRY, "attempts": 1, "backoff": {"base_ms": 60000, "max_ms": 60000},
             "budget": {"percent": 0, "min_concurrent": 1}}
    proxy = serve(make_raw_backend(together), retry=retry)
    clients = [RawClient(proxy.http) for _ in range(10)]
    for client in clients:
        client.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
    refused = 'proxyd_upstream_retries_refused_total{why="budget"}'
    eventually(lambda: proxy.metric(refused) == 9, "nine refusals")
    assert proxy.metric("proxyd_requests_active") == 1
    for client in clients:  # also the one whose wait goes on
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    eventually(lambda: proxy.metric("proxyd_requests_active") == 0, "the end of the wait")
    assert "no_retry" not in proxy.wait_log(status=499)  # the last line
    assert [e["no_retry"] for e in proxy.log_entries() if e["status"] == 502] == ["budget"] * 9


def keep_then_reset(connection):
    """Serves one request, so that the connection is kept, and resets it with the next on its way."""
    if connection.read_request() is not None:
        connection.send(OK)
        if connection.read_request() is not None:
            connection.reset()


@pytest.mark.parametrize("policy", [{}, {"retry": RETRY}], ids=["default", "policy"])
def test_post_on_a_kept_connection_that_was_closed_has_its_own_why(serve, make_raw_backend, policy):
    backend = make_raw_backend(keep_then_reset)
    proxy = serve(backend, **policy)
    with RawClient(proxy.http) as client:
        assert client.request(target="/get").status == 200
        assert client.request("POST", target="/post", body=b"x").status == 502
    assert proxy.wait_log(path="/post")["why"].startswith("stale_connection")
    assert backend.num_connections == 1


def test_idempotent_requests_on_a_kept_connection_that_was_closed_are_sent_again(serve, make_raw_backend):
    def script(connection):
        (keep_then_reset if connection.index == 0 else answering)(connection)

    backend = make_raw_backend(script)
    proxy = serve(backend)
    with RawClient(proxy.http) as client:
        assert client.request(target="/get").status == 200
        response = client.request("PUT", target="/put", body=b"again")
        assert json.loads(response.body)["body"] == "again"
    assert backend.num_connections == 2
    assert proxy.metric('proxyd_upstream_retries_by_reason_total{reason="stale_connection"}') == 1


def test_backend_is_told_its_deadline_and_held_to_it(serve, make_raw_backend):
    good, slow = make_raw_backend(answering), make_raw_backend(silent)
    timeouts = {"request_ms": 60000, "backend_request_ms": 400, "deadline_header": "X-Left"}
    proxy = serve(good, slow, timeouts=timeouts)
    answers = [proxy.ask(target=f"/{number}") for number in range(2)]
    assert sorted(answer.status for answer in answers) == [200, 504]
    seen = json.loads(next(answer.body for answer in answers if answer.status == 200))
    assert 0 < int(seen["left"]) <= 400
    assert proxy.wait_log(status=504)["why"] == "upstream_timeout:backend_request"
