"""SIGTERM, a second one, SIGHUP."""

import os
import signal
import threading

import pytest

from support.backend import ok
from support.http_client import ConnectionEnded, RawClient, fetch
from support.manifests import site
from support.waiting import eventually


class Gate:
    """A backend's handler that answers when told to."""

    def __init__(self):
        self.opened = threading.Event()

    def __call__(self, conversation):
        self.opened.wait(60)
        conversation.send(ok("late\n"))


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.opened.set()


@pytest.fixture
def serve(start, manifests, make_backend):
    def run(*args, handler=None):
        backend = make_backend(handler, name="a")
        manifests.write("a.yaml", site("a", "a.example.com", backend))
        proxy = start(*args)
        proxy.wait_ready()
        proxy.backend = backend
        return proxy

    return run


def wait_draining(proxy):
    eventually(lambda: "shutting down" in proxy.page("/readyz")["reasons"], "/readyz to say that it shuts down")


def test_idle_daemon_ends_with_0_on_sigterm_and_sigint(serve):
    for number in (signal.SIGTERM, signal.SIGINT):
        proxy = serve()
        proxy.signal(number)
        assert proxy.wait_exit() == 0


def test_shutdown_delay_goes_on_serving_and_says_connection_close(serve):
    proxy = serve("--shutdown-delay", "2s")
    with proxy.connect() as kept:
        response = kept.request(host="a.example.com")
        assert (response.status, response.header("connection")) == (200, None)
        proxy.signal(signal.SIGTERM)
        wait_draining(proxy)
        # The connection from before is answered once more, then closed.
        response = kept.request(host="a.example.com")
        assert (response.status, response.header("connection")) == (200, "close")
        assert kept.is_closed_by_peer()
    response = proxy.ask("a.example.com")  # a new connection
    assert (response.status, response.header("connection")) == (200, "close")
    assert proxy.ask("unknown.example.com").header("connection") == "close"
    assert proxy.wait_exit() == 0


def test_running_exchange_may_end_after_accepting_ended(serve, gate):
    proxy = serve(handler=gate)
    address = proxy.http
    with RawClient(address) as client, RawClient(address) as idle:
        client.send(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
        proxy.backend.wait_requests(1)
        proxy.signal(signal.SIGTERM)
        assert idle.is_closed_by_peer()

        def is_refused():
            try:
                RawClient(address).close()
            except ConnectionRefusedError:
                return True
            return False

        eventually(is_refused, "accepting to end")
        assert proxy.process.poll() is None
        gate.opened.set()
        response = client.read_response()
        assert (response.status, response.body, response.header("connection")) == (200, b"late\n", "close")
    assert proxy.wait_exit() == 0
    assert proxy.log_entries()[-1]["status"] == 200  # written before the end


def test_drain_timeout_cuts_what_still_runs(serve, gate):
    proxy = serve("--drain-timeout", "100ms", handler=gate)
    with proxy.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
        proxy.backend.wait_requests(1)
        proxy.signal(signal.SIGTERM)
        assert proxy.wait_exit() == 0
        with pytest.raises(ConnectionEnded):
            client.read_response()


def test_second_sigterm_exits_at_once(serve, gate):
    proxy = serve("--drain-timeout", "1h", "--shutdown-delay", "1h", handler=gate)
    with proxy.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
        proxy.backend.wait_requests(1)
        proxy.signal(signal.SIGTERM)
        wait_draining(proxy)
        proxy.signal(signal.SIGTERM)
        proxy.wait_exit()
        with pytest.raises(ConnectionEnded):
            client.read_response()


def test_sighup_reopens_the_access_log(serve):
    proxy = serve()
    proxy.ask("a.example.com", "/before")
    proxy.wait_log(path="/before")
    moved = proxy.log_path + ".1"
    os.rename(proxy.log_path, moved)
    proxy.signal(signal.SIGHUP)
    eventually(lambda: os.path.exists(proxy.log_path), "the log to be opened anew")
    proxy.ask("a.example.com", "/after")
    proxy.wait_log(path="/after")
    assert [entry["path"] for entry in proxy.log_entries(moved)] == ["/before"]


def test_sighup_reads_the_folder_and_keeps_serving(serve, manifests, make_backend):
    proxy = serve()
    manifests.write("b.yaml", site("b", "b.example.com", make_backend(name="b")))
    for _ in range(3):
        proxy.signal(signal.SIGHUP)
        assert proxy.ask("a.example.com").status == 200
    proxy.wait_answer("b.example.com", "/", 200)
    assert proxy.problems() == []
    assert fetch(proxy.admin, "/readyz").status == 200
