"""Copies of requests for another cluster: the same bytes, and nothing that its backend does reaches the user."""

import pytest

from support.config_file import cluster, config, route, write_config
from support.http_client import RawClient
from support.waiting import eventually

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answering(connection):
    while connection.read_request() is not None:
        connection.send(OK)


def failing(connection):
    while connection.read_request() is not None:
        connection.send(b"HTTP/1.1 500 No\r\nContent-Length: 3\r\n\r\nbad")


def resetting(connection):
    if connection.read_request() is not None:
        connection.reset()


def silent(connection):
    if connection.read_head() is not None:
        connection.wait_end()


@pytest.fixture
def serve(start, tmp_path):
    def serve_backends(backend, copies, **mirror):
        value = config([cluster("main", backend), cluster("copies", copies)],
                       [route("all", "main", mirrors=[{"cluster": "copies", **mirror}])])
        return start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    return serve_backends


def results(proxy):
    names = ("answered", "failed", "skipped", "behind", "abandoned")
    return {name: count for name in names
            if (count := proxy.metric(f'proxyd_mirrored_requests_total{{result="{name}"}}'))}


def test_the_copy_is_the_request(serve, make_backend):
    backend, copies = make_backend(), make_backend()
    proxy = serve(backend, copies)
    body = bytes(range(256)) * 800  # less than what may wait for a slow backend
    with RawClient(proxy.http) as client:
        for number in range(5):
            assert client.request("PUT", target=f"/{number}?a=b", body=body,
                                  headers=[("X-Number", str(number))]).status == 200
    eventually(lambda: results(proxy) == {"answered": 5}, "five copies to be answered")

    def seen(by):
        return sorted((r.method, r.target, r.header("x-number"), r.header("host"), r.header("x-request-id"), r.body)
                      for r in by.requests)
    assert seen(copies) == seen(backend)


@pytest.mark.parametrize("copies", [failing, resetting, silent])
def test_whatever_becomes_of_copies_users_do_not_notice(serve, make_raw_backend, copies):
    proxy = serve(make_raw_backend(answering), make_raw_backend(copies))
    with RawClient(proxy.http) as client:
        for number in range(20):
            response = client.request("POST", target=f"/{number}", body=b"x" * 100_000)
            assert (response.status, response.body) == (200, b"hello")
    wanted = {failing: {"answered": 20}, resetting: {"failed": 20}, silent: {}}[copies]
    eventually(lambda: results(proxy) == wanted, f"the copies to end as {wanted}")


def test_none_of_a_share_of_zero(serve, make_backend):
    backend, copies = make_backend(), make_backend()
    proxy = serve(backend, copies, numerator=0)
    for number in range(5):
        assert proxy.ask(target=f"/{number}").status == 200
    assert results(proxy) == {} and copies.requests == []


def test_a_daemon_that_ends_does_not_wait_for_copies(serve, make_raw_backend):
    proxy = serve(make_raw_backend(answering), make_raw_backend(silent))
    assert proxy.ask(target="/").status == 200
    proxy.stop()
