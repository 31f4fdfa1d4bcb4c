"""Limits of a cluster that hold for the process: never exceeded at the backend, and no request lost."""

import threading

from support.backend import Held, ok
from support.config_file import single, write_config
from support.http_client import fetch


class Gauge:
    """Counts the requests that a backend has at once."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.most = 0

    def answer(self, conversation):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        with self.lock:
            self.now -= 1
        conversation.send(ok())


def start_limited(start, tmp_path, backend, **limits):
    value = single(backend, {"circuit_breakers": limits})
    return start("--config", write_config(tmp_path / "config", value), "--workers", "4").wait_ready()


def ask_often(daemon, num_clients, num_requests):
    statuses = []

    def ask():
        for _ in range(num_requests):
            statuses.append(fetch(daemon.http, "/", host="a.test").status)

    threads = [threading.Thread(target=ask) for _ in range(num_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses


def test_one_connection_for_four_workers_serves_every_request(start, tmp_path, make_backend):
    gauge = Gauge()
    daemon = start_limited(start, tmp_path, make_backend(gauge.answer), max_connections=1)
    statuses = ask_often(daemon, 8, 25)
    assert statuses == [200] * 200
    assert gauge.most == 1
    labels = '{cluster="only",limit="max_pending_requests"}'
    assert daemon.metric("proxyd_circuit_breaker_active" + labels) == 0


def test_requests_beyond_the_limit_are_answered_503_with_their_reason(start, tmp_path, make_backend):
    with Held() as held:
        backend = make_backend(held)
        daemon = start_limited(start, tmp_path, backend, max_requests=1)
        first = daemon.connect()
        first.send(b"GET /first HTTP/1.1\r\nHost: a.test\r\n\r\n")
        held.wait_arrived()
        assert set(ask_often(daemon, 4, 5)) == {503}
        assert len(backend.requests) == 1
        assert daemon.wait_log(status=503)["why"] == "circuit_open:max_requests"
        labels = '{cluster="only",limit="max_requests"}'
        assert daemon.metric("proxyd_circuit_breaker_overflows_total" + labels) == 20
        held.release()
        assert first.read_response().status == 200
        assert daemon.ask("a.test").status == 200
