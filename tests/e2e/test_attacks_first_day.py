"""Requests made to be read in two ways: each is refused whole, or passed on with one meaning only.

Each row runs twice, in one piece and byte by byte, against one worker and one backend. Behind every refused
message stands a complete second request that must never be seen by the backend, and after every row another
client asks, and must get its own answer.
"""

import itertools

import pytest

from support.attack_rows import ENDLESS, FIELDS, HIDDEN, HOST, PASSED, REFUSED, TRUNCATED, chunked, get
from support.backend import Backend
from support.config_file import single, write_config
from support.daemon import Daemon
from support.http_client import ConnectionEnded, RawClient

CANARIES = itertools.count()


@pytest.fixture(scope="module")
def backend():
    backend = Backend(records_bytes=True)
    yield backend
    backend.close()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory, backend):
    folder = tmp_path_factory.mktemp("attacks")
    daemon = Daemon(["--config", write_config(folder / "config", single(backend)), "--workers", "1"], folder)
    yield daemon.wait_ready()
    daemon.stop()


@pytest.fixture(params=["whole", "bytewise"])
def send(request):
    """send(client, data)"""
    def send_data(client, data):
        pieces = [data] if request.param == "whole" else [data[i:i + 1] for i in range(len(data))]
        try:
            for piece in pieces:
                client.send(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass  # what was refused is not read to its end for ever

    return send_data


def requests_of(proxy, backend, attack):
    """Runs `attack`, then a request of another client; returns what the backend got of the first."""
    num_before = len(backend.requests)
    attack()
    target = f"/canary-{next(CANARIES)}"
    response = proxy.ask("a.test", target)
    assert (response.status, response.body) == (200, b"served by backend\n")
    *others, canary = backend.requests[num_before:]
    assert (canary.target, canary.body) == (target, b"")
    return others


@pytest.mark.parametrize("name", REFUSED)
def test_refuses(proxy, backend, send, name):
    data, status = REFUSED[name]

    def attack():
        with RawClient(proxy.http) as client:
            send(client, data + HIDDEN)
            response = client.read_response()
            assert (response.status, response.header("connection"), response.is_whole) == (status, "close", True)
            assert client.is_closed_by_peer(), "another answer came"

    assert requests_of(proxy, backend, attack) == []
    assert b"/hidden" not in backend.bytes_seen


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_behind_a_good_request(proxy, backend, name):
    data, status = REFUSED[name]

    def attack():
        with RawClient(proxy.http) as client:
            client.send(get(b"/good") + data + HIDDEN)
            assert client.read_response().status == 200
            assert client.read_response().status == status
            assert client.is_closed_by_peer(), "another answer came"

    assert [r.target for r in requests_of(proxy, backend, attack)] == ["/good"]
    assert b"/hidden" not in backend.bytes_seen


@pytest.mark.parametrize("name", PASSED)
def test_passes_with_one_meaning(proxy, backend, send, name):
    data, expected, is_closed = PASSED[name]

    def attack():
        with RawClient(proxy.http) as client:
            send(client, data)
            for method, _, _ in expected:
                assert client.read_response(method).status == 200
            if is_closed:
                assert client.is_closed_by_peer()
            else:
                assert client.request(target="/last").status == 200

    got = requests_of(proxy, backend, attack)
    last = [] if is_closed else [("GET", "/last", b"")]
    assert [(r.method, r.target, r.body) for r in got] == expected + last
    assert all(r.version == "HTTP/1.1" and r.header("host") in ("a.test", "example.com") for r in got)
    assert all(r.header("upgrade") is None and r.header("connection") is None for r in got)


@pytest.mark.parametrize("name", FIELDS)
def test_sets_or_removes_fields(proxy, backend, send, name):
    lines, expected = FIELDS[name]

    def attack():
        with RawClient(proxy.http) as client:
            send(client, get(b"/", b"HTTP/1.1", *lines))
            assert client.read_response().status == 200

    request, = requests_of(proxy, backend, attack)
    got = {name: [v for n, v in request.headers if n.lower() == name] for name in expected}
    assert got == expected
    assert b"6.6.6.6" not in request.raw_head


@pytest.mark.parametrize("name", TRUNCATED)
def test_never_completes_a_truncated_message(proxy, backend, send, name):
    def attack():
        with RawClient(proxy.http) as client:
            send(client, TRUNCATED[name])
            client.sock.shutdown(1)
            try:
                assert client.read_response().status == 400
            except ConnectionEnded:
                pass  # as good
            assert client.is_closed_by_peer()

    assert requests_of(proxy, backend, attack) == []


def test_absolute_form_replaces_host(proxy, backend):
    def attack():
        with RawClient(proxy.http) as client:
            client.send(get(b"http://other.test:8080/x", host=HOST))
            assert client.read_response().status == 200

    request, = requests_of(proxy, backend, attack)
    assert (request.target, request.header("host")) == ("/x", "other.test:8080")
    assert request.header("x-forwarded-host") == "other.test:8080"


@pytest.mark.parametrize("name", ENDLESS)
def test_bounds_what_it_reads(proxy, backend, name):
    data, status = ENDLESS[name]

    def attack():
        with RawClient(proxy.http) as client:
            try:
                client.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert client.read_response().status == status
            assert client.is_closed_by_peer()

    assert requests_of(proxy, backend, attack) == []


def test_trailers_are_never_merged_and_hostile_ones_dropped(proxy, backend):
    trailers = [b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Host: evil", b"X-Forwarded-For: 6.6.6.6",
                b"Authorization: x", b"X-Checksum: 1"]

    def attack():
        with RawClient(proxy.http) as client:
            client.send(chunked(b"5\r\nhello\r\n0\r\n" + b"\r\n".join(trailers) + b"\r\n\r\n"))
            assert client.read_response().status == 200

    request, = requests_of(proxy, backend, attack)
    assert request.body == b"hello"
    assert [name.lower() for name, _ in request.trailers] == ["x-checksum"]
    assert request.header("x-checksum") is None
    assert request.header("host") == "a.test" and request.header("content-length") is None
