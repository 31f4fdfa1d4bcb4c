"""A stream that the client gave up is given up towards the backend too, at once."""

import threading

import pytest
from support.config_file import single
from support.raw_backend import RawBackend
from wire import blocks, frames
from wire.blocks import request
from wire.client import ConnectionOver
from wire.frames import Code, Setting


class Holding:
    """A backend that answers nothing but /ok, and counts its connections."""

    def __init__(self):
        self.changed = threading.Condition()
        self.num_arrived = self.num_ended = self.num_open = self.most_open = 0
        self.backend = RawBackend(self.serve)

    def serve(self, connection):
        with self.changed:
            self.num_open += 1
            self.most_open = max(self.most_open, self.num_open)
        try:
            while (head := connection.read_head()) is not None:
                if head.target == "/ok":
                    connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    continue
                self.note("num_arrived")
                connection.wait_end()
                self.note("num_ended")
                return
        finally:
            with self.changed:
                self.num_open -= 1
                self.changed.notify_all()

    def note(self, name):
        with self.changed:
            setattr(self, name, getattr(self, name) + 1)
            self.changed.notify_all()

    def wait(self, is_so, what):
        with self.changed:
            assert self.changed.wait_for(is_so, 30), f"{what}: {vars(self)}"


@pytest.fixture
def holding():
    made = Holding()
    yield made
    made.backend.close()
    made.backend.check()


@pytest.fixture
def client(start_proxy, holding, link):
    daemon = start_proxy(single(holding.backend))
    with link.open(daemon.address(link.name)) as client:
        yield client.open()


def open_many(client, holding, count, end_stream=True):
    for number in range(1, 2 * count, 2):
        client.send(frames.headers(number, request(b"GET" if end_stream else b"POST"), end_stream))
    client.watched = 2 * count
    holding.wait(lambda: holding.num_arrived == count, "requests arrive")


def check_serves(client):
    answer = client.ask(b"GET", b"/ok")
    assert (answer.status, bytes(answer.body)) == (200, b"ok")


@pytest.mark.parametrize("end_stream", [True, False], ids=["get", "post"])
def test_reset(client, holding, end_stream):
    open_many(client, holding, 50, end_stream)
    client.send(b"".join(frames.rst_stream(number) for number in range(1, 100, 2)))
    holding.wait(lambda: holding.num_ended == 50, "all of them are given up")
    check_serves(client)


# By what the server has to answer with RST_STREAM.
FAULTS = {
    "window-update-zero": lambda n: frames.window_update(n, 0),
    "trailers-bad": lambda n: frames.headers(n, blocks.fields((b":x", b"1"))),
    "field-bad": lambda n: frames.headers(n, blocks.fields((b"connection", b"close"))),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(client, holding, name):
    open_many(client, holding, 20, end_stream=False)
    for number in range(1, 40, 2):
        client.send(FAULTS[name](number))
    holding.wait(lambda: holding.num_ended == 20, "all of them are given up")
    try:
        client.sync()
    except ConnectionOver:
        assert client.goaway[1] == Code.PROTOCOL_ERROR
    else:
        assert all(client.stream(number).reset == Code.PROTOCOL_ERROR for number in range(1, 40, 2)), client.story()
        check_serves(client)


def test_one_of_many(client, holding):
    """The others go on."""
    open_many(client, holding, 10)
    client.send(frames.rst_stream(5))
    holding.wait(lambda: holding.num_ended == 1, "one is given up")
    check_serves(client)
    assert holding.num_ended == 1
    assert not any(client.stream(number).is_done for number in (1, 3, 7, 9, 11, 13, 15, 17, 19))


def test_end_of_the_connection(client, holding):
    open_many(client, holding, 20)
    client.link.close()
    holding.wait(lambda: holding.num_ended == 20, "all of them are given up")


def test_goaway_of_the_client(client, holding):
    """It is about streams of ours: nothing is given up (RFC 9113 6.8)."""
    open_many(client, holding, 5)
    client.send(frames.goaway())
    client.sync()
    assert holding.num_ended == 0


@pytest.mark.parametrize("frame", [frames.ping(bytes(7)), frames.frame(0, 0, 0, b"x")], ids=["size", "stream"])
def test_error_of_the_connection(client, holding, frame):
    open_many(client, holding, 20)
    client.send(frame)
    client.wait_over()
    assert client.goaway
    holding.wait(lambda: holding.num_ended == 20, "all of them are given up")


def test_rapid_reset_leaves_no_work(client, holding):
    """However many streams come and go, the backend has never more than the limit of streams at once, and none in the
    end."""
    number = 1
    while not (client.goaway or client.is_over):
        for n in range(number, number + 20, 2):
            client.send(frames.headers(n, request()) + frames.rst_stream(n))
        number += 20
        assert number < 2_000, "not ended"
        try:
            client.sync()
        except ConnectionOver:
            pass
    client.wait_over()
    holding.wait(lambda: holding.num_ended == holding.num_arrived, "nothing is left")
    assert holding.most_open <= client.settings[Setting.MAX_CONCURRENT_STREAMS]
