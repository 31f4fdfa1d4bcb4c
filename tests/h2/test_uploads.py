"""Bodies that the backend does not take: the client's windows are not opened again, and only that stream waits."""

import threading

import pytest
from floods import MB, bounded_memory
from support.backend import ok
from support.config_file import single
from support.raw_backend import RawBackend
from wire import frames
from wire.blocks import request
from wire.frames import Code, Setting

SIZE = 64 * MB  # more than the kernel keeps between the proxy and the backend
STEP = 16_384


class Deaf:
    """A backend that reads heads, and the bodies of /deaf not before it is told to."""

    def __init__(self):
        self.told = threading.Event()
        self.backend = RawBackend(self.serve)
        self.sizes = []

    def serve(self, connection):
        while (head := connection.read_head()) is not None:
            if head.target == "/deaf":
                assert self.told.wait(60)
            self.sizes.append(len(connection.stream.read(int(head.header("content-length") or 0))))
            connection.send(ok(b"small"))

    def close(self):
        self.told.set()
        self.backend.close()
        self.backend.check()


class Upload:
    """A body on its way, within the windows of its stream and of the connection."""

    def __init__(self, client, number, path=b"/deaf", size=SIZE):
        self.client, self.number, self.size, self.num_sent = client, number, size, 0
        head = request(b"POST", path, (b"content-length", b"%d" % size))
        client.send(frames.headers(number, head, end_stream=False))

    def room(self):
        initial = self.client.settings.get(Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)
        mine = initial + self.client.windows.get(self.number, 0) - self.num_sent
        every = frames.DEFAULT_WINDOW + self.client.windows[0] - self.client.num_uploaded
        return min(mine, every, self.size - self.num_sent)

    def send(self):
        """What there is room for; how many bytes."""
        total = self.room()
        for at in range(0, total, STEP):
            size = min(STEP, total - at)
            self.num_sent += size
            self.client.num_uploaded += size
            self.client.send(frames.data(self.number, bytes(size), end=self.num_sent == self.size))
        return total

    def send_until_stuck(self):
        """The windows come back as the kernel takes the bytes; when they have not for some answers to PING, it is
        full."""
        num_idle = 0
        while num_idle < 20 and self.num_sent < self.size:
            num_idle = 0 if self.send() else num_idle + 1
            self.client.sync()

    def send_all(self):
        while self.num_sent < self.size:
            self.client.wait(lambda: self.room() > 0, "a window")
            self.send()


@pytest.fixture
def deaf():
    made = Deaf()
    yield made
    made.close()


@pytest.fixture
def daemon(start_proxy, deaf):
    return start_proxy(single(deaf.backend))


@pytest.fixture
def client(daemon, link):
    with link.open(daemon.address(link.name)) as client:
        client.num_uploaded = 0
        yield client.open()


def test_a_stream_that_waits_stalls_itself_alone(daemon, deaf, client):
    with bounded_memory(daemon, 8 * MB):
        stuck = [Upload(client, number) for number in (1, 3, 5)]
        for upload in stuck:
            upload.send_until_stuck()
            assert upload.num_sent < SIZE, "all of it was taken from us"
        other = Upload(client, 7, b"/other", 1 * MB)
        other.send_all()
        assert client.wait_done(7).status == 200
    deaf.told.set()
    for upload in stuck:
        upload.send_all()
        assert client.wait_done(upload.number).status == 200
    assert sorted(deaf.sizes) == [1 * MB] + [SIZE] * 3


def test_a_client_that_minds_no_window(daemon, client):
    """RFC 9113 6.9.1: its stream or its connection ends, and nothing is heaped up."""
    with bounded_memory(daemon, 8 * MB):
        Upload(client, 1)
        for _ in range(0, SIZE, STEP):
            client.send(frames.data(1, bytes(STEP), end=False))
            client.drain()
            if client.goaway or client.is_over or client.stream(1).reset is not None:
                break
        client.wait(lambda: client.goaway or client.stream(1).reset is not None, "an error")
    code = client.goaway[1] if client.goaway else client.stream(1).reset
    assert code == Code.FLOW_CONTROL_ERROR, client.story()


def test_what_is_for_a_stream_that_was_reset_comes_back(client):
    """Its bytes count against the connection, which has to get them back (RFC 9113 6.9)."""
    for number in range(1, 100, 2):
        upload = Upload(client, number)
        upload.size = 60_000
        upload.send()
        client.send(frames.rst_stream(number))
        client.sync()
    other = Upload(client, 101, b"/other", 2 * MB)
    other.send_all()
    assert client.wait_done(101).status == 200
