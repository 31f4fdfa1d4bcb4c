"""How connections end: announced and without loss when the daemon goes, in order when nobody needs them, and for
clients that take too long."""

import signal

import pytest
from support.backend import Backend, Held, ok
from support.config_file import single
from table.case import Script
from wire import frames
from wire.blocks import request
from wire.frames import Code

ANNOUNCED = (frames.MAX_WINDOW, Code.NO_ERROR)  # RFC 9113 6.8: the end is near, and nothing is lost yet
HASTY = {"timeouts": {"request_head_ms": 300, "request_body_idle_ms": 300, "keep_alive_idle_ms": 300}}


@pytest.fixture
def hasty(start_proxy, recorder, link):
    recorder.begin(Script())
    daemon = start_proxy(single(recorder, **HASTY))
    with link.open(daemon.address(link.name)) as client:
        yield client


class TestDrain:
    @pytest.fixture
    def held(self):
        with Held() as held:
            yield held

    @pytest.fixture
    def daemon(self, start_proxy, held):
        backend = Backend(held)
        yield start_proxy(single(backend))
        held.release()
        backend.close()

    @pytest.fixture
    def client(self, daemon, link, held):
        """With stream 1 on its way, and the end announced."""
        with link.open(daemon.address(link.name)) as client:
            client.open()
            client.send(frames.headers(1, request()))
            held.wait_arrived()
            daemon.signal(signal.SIGTERM)
            client.wait(lambda: client.goaway, "GOAWAY")
            yield client

    def test_no_stream_is_lost(self, daemon, held, client):
        """One that crosses the announcement is served; the second GOAWAY names it as the last."""
        assert client.goaway == ANNOUNCED
        client.send(frames.headers(3, request()))  # before the PING behind the announcement is answered
        client.wait(lambda: client.goaway != ANNOUNCED, "the second GOAWAY")
        assert client.goaway == (3, Code.NO_ERROR)
        held.release()
        for number in (1, 3):
            stream = client.wait_done(number)
            assert (stream.status, stream.is_ended) == (200, True)
        client.wait_over()
        assert daemon.wait_exit() == 0

    def test_what_comes_too_late_is_not_served(self, daemon, held, client):
        client.wait(lambda: client.goaway != ANNOUNCED, "the second GOAWAY")
        assert client.goaway == (1, Code.NO_ERROR)
        client.send(frames.headers(3, request(path=b"/late")))
        held.release()
        assert client.wait_done(1).is_ended
        client.wait_over()
        assert client.stream(3).status is None
        assert daemon.wait_exit() == 0
        assert not any(entry["path"] == "/late" for entry in daemon.log_entries())


class TestIdle:
    def test_after_a_request(self, hasty):
        assert hasty.open().ask().status == 200
        hasty.wait_over()
        assert hasty.goaway == (3, Code.NO_ERROR)

    def test_without_any_request(self, hasty):
        hasty.open().wait_over()
        assert hasty.goaway == (0, Code.NO_ERROR)

    def test_pings_do_not_keep_it(self, hasty):
        """Nobody holds a connection by PING alone."""
        hasty.open()
        while not hasty.goaway:
            hasty.send(frames.ping())
            if not hasty.read():
                break
        hasty.wait_over()
        assert hasty.goaway[1] in (Code.NO_ERROR, Code.ENHANCE_YOUR_CALM)


class TestTooSlow:
    @pytest.mark.parametrize("size", [1, 10, 23])
    def test_preface(self, hasty, size):
        hasty.send(frames.PREFACE[:size])
        hasty.wait_over()
        assert not hasty.streams

    @pytest.mark.parametrize("sent", [frames.headers(1, request()[:5], end_headers=False),
                                      frames.headers(1, request())[:12],
                                      frames.headers(1, request()[:5], end_headers=False)
                                      + frames.continuation(1, request()[5:8], end_headers=False)],
                             ids=["block", "frame", "continuation"])
    def test_head(self, hasty, recorder, sent):
        hasty.open().send(sent)
        hasty.wait_over()
        assert hasty.goaway
        assert not any(stream.received for stream in recorder.settle())

    @pytest.mark.parametrize("sent", [b"", frames.data(1, b"hel", end=False), frames.data(1, b"hello")[:11]],
                             ids=["nothing", "some", "frame"])
    def test_body(self, hasty, recorder, sent):
        """408, and the rest of it is not waited for; the backend never takes what came for the whole."""
        hasty.open().send(frames.headers(1, request(b"POST", b"/", (b"content-length", b"5")), end_stream=False) + sent)
        stream = hasty.wait_done(1)
        assert stream.status == 408 or stream.reset not in (None, Code.NO_ERROR)
        recorder.wait(lambda streams: all(b"POST " not in of.received or of.is_ended for of in streams), "cut")

    def test_body_beside_others(self, hasty):
        """One is slow; whoever is not is served."""
        hasty.open().send(frames.headers(1, request(b"POST"), end_stream=False))
        hasty.watched = 1
        while not hasty.stream(1).is_done:
            assert hasty.ask().status == 200
        assert hasty.stream(1).status == 408


def test_an_answer_is_not_cut_by_the_idle_limit(start_proxy, link):
    """A stream that waits for its backend is no idle connection."""
    with Held() as held:
        backend = Backend(held)
        daemon = start_proxy(single(backend, timeouts={"keep_alive_idle_ms": 50, "request_head_ms": 50}))
        with link.open(daemon.address(link.name)) as client:
            client.send(frames.PREFACE + frames.settings() + frames.headers(1, request()))
            held.wait_arrived()
            with link.open(daemon.address(link.name)) as other:  # its limit, which began later, has passed
                other.open().wait_over()
            assert client.goaway is None
            held.release()
            assert client.wait_done(1).status == 200
        backend.close()


def test_end_of_input_is_the_end(start_proxy, link):
    """FIN of the client, which can open no window any more."""
    backend = Backend(ok(bytes(1 << 20)))
    daemon = start_proxy(single(backend))
    with link.open(daemon.address(link.name)) as client:
        client.open().send(frames.headers(1, request(path=b"/gone")))
        client.grants = False
        client.wait(lambda: len(client.stream(1).body) == frames.DEFAULT_WINDOW, "what the window allows")
        client.link.sock.shutdown(1)
        entry = daemon.wait_log(path="/gone")
        assert entry["why"].startswith("client_gone")
    backend.close()
