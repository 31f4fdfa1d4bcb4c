"""How many connections a backend gets, and how long they live."""

import threading
from collections import Counter

from support.config_file import single, write_config
from support.http_client import RawClient
from support.waiting import eventually


def serve(start, tmp_path, backend, **cluster_settings):
    file = write_config(tmp_path / "config", single(backend, cluster_settings))
    return start("--config", file, "--workers", "1").wait_ready()


def test_connections_are_reused_and_end_after_so_many_requests(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = serve(start, tmp_path, backend, limits={"max_requests_per_connection": 3})
    with RawClient(proxy.http) as client:
        for _ in range(7):
            assert client.request().status == 200
    assert [request.connection for request in backend.requests] == [0, 0, 0, 1, 1, 1, 2]


def test_connections_are_reused_without_end_otherwise(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = serve(start, tmp_path, backend)
    with RawClient(proxy.http) as client:
        for _ in range(20):
            assert client.request().status == 200
    assert {request.connection for request in backend.requests} == {0}


def test_connections_end_at_their_age(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = serve(start, tmp_path, backend, timeouts={"max_connection_duration_ms": 100})
    with RawClient(proxy.http) as client:
        def is_renewed():
            assert client.request().status == 200
            return backend.requests[-1].connection > 0

        eventually(is_renewed, "a second connection")


def test_a_worn_out_connection_is_not_handed_to_a_request_that_waits(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = serve(start, tmp_path, backend, limits={"max_requests_per_connection": 2},
                  circuit_breakers={"max_connections": 1})
    statuses = []

    def ask():
        with RawClient(proxy.http) as client:
            for _ in range(10):
                statuses.append(client.request().status)

    users = [threading.Thread(target=ask) for _ in range(6)]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert statuses == [200] * 60
    assert max(Counter(request.connection for request in backend.requests).values()) == 2


def test_connections_are_there_before_the_first_request(start, tmp_path, make_backend):
    backend = make_backend()
    proxy = serve(start, tmp_path, backend, limits={"preconnect": 3})
    eventually(lambda: backend.num_connections == 3, "three connections")
    assert backend.requests == []
    with RawClient(proxy.http) as client:
        assert client.request().status == 200
    assert proxy.metric("proxyd_upstream_reused_total") == 1
    assert proxy.metric("proxyd_upstream_connects_total") == 0
    assert proxy.metric("proxyd_upstream_preconnects_total") >= 3


def test_a_backend_that_says_when_it_closes_is_asked_anew(start, tmp_path, make_backend):
    answer = b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\n\r\n"
    backend = make_backend(answer)
    proxy = serve(start, tmp_path, backend)
    with RawClient(proxy.http) as client:
        for _ in range(3):
            response = client.request()
            assert response.status == 200
            assert response.header("keep-alive") is None
    assert [request.connection for request in backend.requests] == [0, 1, 2]
