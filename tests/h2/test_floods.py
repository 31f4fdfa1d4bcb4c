"""Floods (CVE-2019-9511 to -9518, CVE-2023-44487, CVE-2024-27316, CVE-2025-8671): each ends its connection with GOAWAY
before it has done much, costs no memory, and nobody else notices. An honest number of each does nothing."""

import pytest
from floods import BATCH, ENDED_BY, HONEST, MB, bounded_memory, check_ended, count_until_ended, send_unread
from table.case import Script
from wire import blocks, frames
from wire.blocks import request
from wire.client import ConnectionOver
from wire.frames import Code, Kind, Setting

OPEN_POST = frames.headers(1, request(b"POST"), end_stream=False)

# What it takes to begin with, and the frame that comes over and over.
FLOODS = {
    "ping": (b"", frames.ping()),
    "settings-empty": (b"", frames.settings()),
    "settings-table": (b"", frames.settings((Setting.HEADER_TABLE_SIZE, 0), (Setting.HEADER_TABLE_SIZE, 4096))),
    "settings-window": (OPEN_POST, frames.settings((Setting.INITIAL_WINDOW_SIZE, 1))),
    "priority": (b"", frames.priority(1)),
    "priority-many": (b"", frames.priority(7, on=5)),
    "window-update-connection": (b"", frames.window_update(0, 1)),
    "window-update-stream": (OPEN_POST, frames.window_update(1, 1)),
    "data-empty": (OPEN_POST, frames.data(1, end=False)),
    "data-empty-padded": (OPEN_POST, frames.data(1, end=False, pad=0)),
    "data-padding-alone": (OPEN_POST, frames.data(1, end=False, pad=20)),
}


@pytest.fixture
def client(proxy, recorder, link):
    recorder.begin(Script())
    with link.open(proxy.address(link.name)) as client:
        yield client.open()


@pytest.mark.parametrize("name", FLOODS)
def test_flood_ends_the_connection(proxy, client, canary, name):
    first, frame = FLOODS[name]
    client.send(first)
    with bounded_memory(proxy, 4 * MB):
        count_until_ended(client, lambda _: frame)
        check_ended(client)


@pytest.mark.parametrize("name", FLOODS)
def test_an_honest_number_does_not(client, name):
    first, frame = FLOODS[name]
    client.send(first)
    client.watched = 1
    count = HONEST // 10 if name.startswith("settings") else HONEST
    client.send(frame * count)
    client.sync()
    assert client.goaway is None
    client.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, frames.DEFAULT_WINDOW)))
    assert client.ask().status == 200


# What asks for nothing, and changes nothing. Stream 3 has been answered.
IDLE = {
    "unknown": frames.frame(0xEE, 0, 0, bytes(8)),
    "unknown-large": frames.frame(0xEE, 0, 0, bytes(16_384)),
    "goaway": frames.goaway(),
    "settings-ack": frames.settings_ack(),
    "ping-ack": frames.ping(is_ack=True),
    "rst-closed": frames.rst_stream(3),
    "window-update-closed": frames.window_update(3, 1),
}


@pytest.mark.parametrize("name", IDLE)
def test_what_asks_for_nothing_costs_no_memory(proxy, client, canary, name):
    """Nothing is answered or kept, so each may go on; or the connection is ended."""
    assert client.ask().status == 200
    with bounded_memory(proxy, 4 * MB):
        for _ in range(0, 5_000, BATCH):
            client.send(IDLE[name] * BATCH)
            client.drain()
        try:
            client.sync()
        except ConnectionOver:
            pass


@pytest.mark.parametrize("frame", [frames.ping(), frames.settings(), frames.headers(1, b"\x82")],
                         ids=["ping", "settings", "headers"])
def test_answers_that_nobody_reads_are_bounded(proxy, client, canary, frame):
    """We read nothing: what would be answered is not heaped up."""
    with bounded_memory(proxy, 8 * MB):
        send_unread(client, frame * 1000, 64 * MB)
        client.send(frames.ping())


class TestRapidReset:
    @pytest.mark.parametrize("end_stream", [True, False], ids=["get", "post"])
    def test_ends_the_connection(self, proxy, client, canary, end_stream):
        method = b"GET" if end_stream else b"POST"
        with bounded_memory(proxy, 16 * MB):
            count = count_until_ended(client, lambda i: frames.headers(2 * i + 1, request(method), end_stream)
                                      + frames.rst_stream(2 * i + 1))
            check_ended(client)
        assert count < 1_000

    def test_of_streams_that_were_answered_is_none(self, client):
        """A client may lose interest late: the stream has closed, or its end was on its way."""
        for i in range(400):
            client.ask()
            client.send(frames.rst_stream(2 * i + 3))
        client.sync()
        assert client.goaway is None and client.ask().status == 200

    def test_a_few_are_honest(self, client):
        """As a browser does that leaves a page."""
        for number in range(1, 101, 2):
            client.send(frames.headers(number, request()) + frames.rst_stream(number))
        client.watched = 101
        client.sync()
        assert client.goaway is None and client.ask().status == 200


# Valid frames, and then one that the server has to answer with a reset of its own.
MADE = {
    "window-update-zero": lambda n: frames.headers(n, request(b"POST"), False) + frames.window_update(n, 0),
    "window-update-overflow": lambda n: frames.headers(n, request(b"POST"), False)
    + frames.window_update(n, frames.MAX_WINDOW),
    "priority-length": lambda n: frames.headers(n, request(b"POST"), False)
    + frames.frame(Kind.PRIORITY, 0, n, bytes(4)),
    "data-behind-the-end": lambda n: frames.headers(n, request()) + frames.data(n, b"x"),
    "headers-behind-the-end": lambda n: frames.headers(n, request()) + frames.headers(n, request()),
    "content-length": lambda n: frames.headers(n, request(b"POST", b"/", (b"content-length", b"1")), False)
    + frames.data(n, b"xx"),
    "trailers-bad": lambda n: frames.headers(n, request(b"POST"), False)
    + frames.headers(n, blocks.fields((b":x", b"1"))),
    "malformed": lambda n: frames.headers(n, request(b"GET", b"/", (b"connection", b"close"))),
}


@pytest.mark.parametrize("name", MADE)
def test_made_you_reset(proxy, client, canary, name):
    """Resets that the server makes count as those of the client."""
    with bounded_memory(proxy, 16 * MB):
        count = count_until_ended(client, lambda i: MADE[name](2 * i + 1))
        check_ended(client, (*ENDED_BY, Code.STREAM_CLOSED, Code.PROTOCOL_ERROR, Code.FRAME_SIZE_ERROR,
                             Code.FLOW_CONTROL_ERROR))
    assert count < 1_000


class TestBlocks:
    @pytest.mark.parametrize("size", [0, 1, 1000, 16_384])
    def test_continuation_without_end(self, proxy, client, canary, size):
        block = request() + blocks.literal(b"x", b"a" * (1 << 24))
        with bounded_memory(proxy, 4 * MB):
            client.send(frames.headers(1, block[:size], end_headers=False))
            client.send(b"".join(frames.continuation(1, block[i * size:][:size], end_headers=False)
                                 for i in range(1, 65)))
            check_ended(client, (*ENDED_BY, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR, Code.INTERNAL_ERROR))

    def test_continuation_in_trailers(self, proxy, client, canary):
        with bounded_memory(proxy, 4 * MB):
            client.send(OPEN_POST + frames.headers(1, blocks.fields((b"x", b"1")), end_headers=False))
            client.send(frames.continuation(1, blocks.fields((b"x", b"a" * 8000)), end_headers=False) * 100)
            check_ended(client, (*ENDED_BY, Code.PROTOCOL_ERROR, Code.COMPRESSION_ERROR, Code.INTERNAL_ERROR))

    @pytest.mark.parametrize("name", [b"x", b"cookie", b"content-length", b":path"])
    def test_bomb(self, proxy, recorder, link, canary, name):
        """One entry of 4 KB, named 16,000 times by a byte each: 64 MB of fields in a block of 20 KB."""
        block = request() + blocks.literal(name, b"a" * 3_900, blocks.INDEXING)
        bomb = blocks.indexed(blocks.FIRST_DYNAMIC) * 16_000
        recorder.begin(Script())
        with bounded_memory(proxy, 8 * MB):
            for _ in range(4):
                with link.open(proxy.address(link.name)) as client:
                    client.open()
                    client.send(frames.headers(1, block, end_headers=False) + frames.continuation(1, bomb))
                    client.wait(lambda of=client: of.goaway or of.stream(1).is_done, "an answer")
                    stream = client.stream(1)
                    assert client.goaway or stream.status in (400, 431) or stream.reset in (
                        Code.PROTOCOL_ERROR, Code.ENHANCE_YOUR_CALM, Code.INTERNAL_ERROR), stream
        assert not any(stream.received for stream in recorder.settle()), recorder.texts()

    def test_bombs_of_many_streams(self, proxy, client, canary):
        """Each refused, the connection of which has to end at some time."""
        bomb = request() + blocks.literal(b"x", b"a" * 3_900, blocks.INDEXING) + blocks.indexed(
            blocks.FIRST_DYNAMIC) * 10_000
        with bounded_memory(proxy, 8 * MB):
            count_until_ended(client, lambda i: frames.headers(2 * i + 1, bomb), batch=10)
            check_ended(client, (*ENDED_BY, Code.PROTOCOL_ERROR, Code.INTERNAL_ERROR))

    def test_table_that_we_allow_is_not_filled(self, proxy, client, canary):
        """A table of 4 GB is ours to offer and not theirs to use."""
        client.send(frames.settings((Setting.HEADER_TABLE_SIZE, 0xFFFFFFFF)))
        client.decoder.max_allowed_table_size = 0xFFFFFFFF
        with bounded_memory(proxy, 4 * MB):
            for i in range(500):
                assert client.ask(b"GET", b"/%d" % i).status == 200
