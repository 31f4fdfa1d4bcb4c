"""Clients that do not read (CVE-2019-9517), and backends that do not: what is kept for a stream is bounded, the others
go on, and who stalls for too long is ended."""

import pytest
from floods import MB, bounded_memory
from support.backend import Backend, ok
from support.config_file import single
from wire import frames
from wire.blocks import request
from wire.frames import Setting

BODY = bytes(range(256)) * 8192  # 2 MB
NUM_STREAMS = 50
# What may be kept of a stream's answer, and of a connection; the kernel's buffers are not the daemon's.
STREAM_MOST, CONNECTION_MOST = 192 << 10, 4 * MB
HASTY = {"timeouts": {"write_idle_ms": 500}}


def answer(conversation):
    conversation.send(ok(BODY if conversation.request.target.startswith("/large") else b"small"))


@pytest.fixture
def backend():
    made = Backend(answer)
    yield made
    made.close()


def serve(start_proxy, backend, link, *pairs, **listener):
    daemon = start_proxy(single(backend, **listener))
    return daemon, link.open(daemon.address(link.name)).open(*pairs)


def ask_large(client, count):
    numbers = range(1, 2 * count, 2)
    for number in numbers:
        client.send(frames.headers(number, request(path=b"/large")))
    client.watched = numbers[-1]
    client.wait(lambda: all(client.stream(number).status for number in numbers), "all heads")
    return numbers


def check_small(client):
    small = client.ask(b"GET", b"/small")
    assert (small.status, bytes(small.body)) == (200, b"small")


@pytest.mark.parametrize("window", [0, 1])
def test_streams_without_a_window(start_proxy, backend, link, window):
    daemon, client = serve(start_proxy, backend, link, (Setting.INITIAL_WINDOW_SIZE, window))
    client.grants = False
    with client, link.open(daemon.address(link.name)) as other:
        check_small(other.open())
        with bounded_memory(daemon, NUM_STREAMS * STREAM_MOST + CONNECTION_MOST):
            numbers = ask_large(client, NUM_STREAMS)
            check_small(other)
            # One of them opens its window, and is served to its end.
            chosen = numbers[3]
            client.send(frames.window_update(chosen, len(BODY)) + frames.window_update(0, len(BODY)))
            assert client.wait_done(chosen).body == BODY
            client.sync()
            rest = [client.stream(number) for number in numbers if number != chosen]
            assert all(len(stream.body) == window and not stream.is_done for stream in rest)
        # And then the rest of them, in any order.
        client.grants = True
        client.send(frames.window_update(0, frames.MAX_WINDOW // 2))
        client.send(frames.settings((Setting.INITIAL_WINDOW_SIZE, len(BODY))))
        client.wait(lambda: all(stream.is_ended for stream in rest), "all answers")
        assert all(stream.body == BODY for stream in rest)


def test_connection_without_a_window(start_proxy, backend, link):
    """Streams have theirs, the connection has none: what it had is all that comes."""
    daemon, client = serve(start_proxy, backend, link, (Setting.INITIAL_WINDOW_SIZE, frames.MAX_WINDOW))
    client.grants = False
    with client, bounded_memory(daemon, NUM_STREAMS * STREAM_MOST + CONNECTION_MOST):
        numbers = ask_large(client, NUM_STREAMS)

        def num_bytes():
            return sum(len(client.stream(number).body) for number in numbers)

        client.wait(lambda: num_bytes() >= frames.DEFAULT_WINDOW, "a window's worth")
        client.sync()
        assert num_bytes() == frames.DEFAULT_WINDOW
        client.send(frames.window_update(0, 10))
        client.wait(lambda: num_bytes() > frames.DEFAULT_WINDOW, "ten bytes more")
        client.sync()
        assert num_bytes() == frames.DEFAULT_WINDOW + 10


def test_socket_that_is_not_read(start_proxy, backend, link):
    """All windows are wide, and nothing is read from the socket: the kernel's buffers fill, ours do not."""
    daemon, client = serve(start_proxy, backend, link, (Setting.INITIAL_WINDOW_SIZE, frames.MAX_WINDOW))
    with client, link.open(daemon.address(link.name)) as other:
        check_small(other.open())
        with bounded_memory(daemon, NUM_STREAMS * STREAM_MOST + CONNECTION_MOST):
            client.send(frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW))
            for number in range(1, 2 * NUM_STREAMS, 2):
                client.send(frames.headers(number, request(path=b"/large")))
            backend.wait_requests(NUM_STREAMS)
            for _ in range(20):
                check_small(other)
        client.grants = False  # they are wide enough
        client.wait(lambda: all(client.stream(n).is_ended for n in range(1, 2 * NUM_STREAMS, 2)), "all answers")
        assert all(client.stream(n).body == BODY for n in range(1, 2 * NUM_STREAMS, 2))


def test_windows_of_one_byte_again_and_again(start_proxy, backend, link):
    """A byte at a time, for 300 bytes: an odd client and a patient one, which is served or told to calm down."""
    _, client = serve(start_proxy, backend, link, (Setting.INITIAL_WINDOW_SIZE, 0))
    client.grants = False
    with client:
        ask_large(client, 1)
        stream = client.stream(1)
        for size in range(1, 301):
            client.send(frames.window_update(1, 1))
            client.wait(lambda at=size: len(stream.body) == at, "a byte more")
        assert stream.body == BODY[:300]


@pytest.mark.parametrize("what", ["stream", "connection", "socket"])
def test_who_stalls_for_too_long_is_ended(start_proxy, backend, link, what):
    window = 0 if what == "stream" else frames.MAX_WINDOW
    daemon, client = serve(start_proxy, backend, link, (Setting.INITIAL_WINDOW_SIZE, window), **HASTY)
    client.grants = False
    with client:
        if what == "socket":
            client.send(frames.window_update(0, frames.MAX_WINDOW - frames.DEFAULT_WINDOW))
            for number in range(1, 40, 2):
                client.send(frames.headers(number, request(path=b"/large")))
            daemon.wait_log(why="client_gone:write_idle")
            client.wait_over()
            assert any(not client.stream(number).is_ended for number in range(1, 40, 2))
        else:
            client.send(frames.headers(1, request(path=b"/large")))
            client.wait(lambda: client.is_over or client.goaway or client.stream(1).reset is not None, "the end")
            assert not client.stream(1).is_ended
            daemon.wait_log(why="client_gone:write_idle")
        with link.open(daemon.address(link.name)) as other:
            check_small(other.open())
