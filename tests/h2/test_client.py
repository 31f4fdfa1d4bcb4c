"""The client itself: it reads what RFC 9113 allows, and fails at everything else. The runner tells answers apart."""

import pytest
from rows.row import Answered, ConnectionError, Ignored, Row, StreamError
from runner import check_answer
from wire import blocks, frames
from wire.client import ConnectionOver, Http2Client
from wire.frames import Code, Kind

OK = blocks.fields((b":status", b"200"))
HEAD = frames.headers(1, OK, end_stream=False)


class FakeLink:
    """Gives the pieces `said` out, one a read, then its answers to PING, if it has any, and then the end."""

    def __init__(self, *said, has_pongs=True):
        self.said, self.has_pongs = list(said), has_pongs
        self.sent = bytearray()
        self.sock = self

    def send(self, data):
        self.sent += data
        while (found := frames.read_frame(self.sent)) is not None:
            frame, size = found
            del self.sent[:size]
            if frame.kind == Kind.PING and self.has_pongs:
                self.said.append(frames.ping(frame.payload, is_ack=True))

    def recv(self, _):
        return self.said.pop(0) if self.said else b""


def client_of(*said, **kwargs):
    return Http2Client(FakeLink(frames.settings(), *said, **kwargs))


@pytest.mark.parametrize("size", [1, 2, 9, 1000])
def test_reads_an_answer_in_any_pieces(size):
    said = (frames.settings() + frames.headers(1, blocks.fields((b":status", b"103"), (b"link", b"x")), False)
            + frames.headers(1, blocks.fields((b":status", b"200"), (b"x", b"1")), False, pad=3)
            + frames.data(1, b"hel", end=False) + frames.data(1, b"lo", end=False, pad=7)
            + frames.headers(1, blocks.fields((b"x-sum", b"2"))[:3], end_headers=False)
            + frames.continuation(1, blocks.fields((b"x-sum", b"2"))[3:]))
    client = Http2Client(FakeLink(*[said[i:i + size] for i in range(0, len(said), size)]))
    stream = client.wait_done(1)
    assert (stream.interim, stream.status, stream.body, stream.is_ended) == ([103], 200, b"hello", True)
    assert (stream.fields, stream.trailers) == ([(b"x", b"1")], [(b"x-sum", b"2")])


BAD = {
    "settings come first": [HEAD],
    "a block that is interrupted": [frames.headers(1, OK, end_headers=False), frames.ping()],
    "no status": [frames.headers(1, blocks.fields((b"x", b"1")))],
    "status behind a field": [frames.headers(1, blocks.fields((b"x", b"1"), (b":status", b"200")))],
    "an upper-case name": [frames.headers(1, OK + blocks.fields((b"X", b"1")))],
    "a field of the connection": [frames.headers(1, OK + blocks.fields((b"connection", b"close")))],
    "101": [frames.headers(1, blocks.fields((b":status", b"101")), end_stream=False)],
    "an interim answer that ends": [frames.headers(1, blocks.fields((b":status", b"100")))],
    "a body without a head": [frames.data(1, b"x")],
    "frames behind the end": [frames.headers(1, OK), frames.data(1, b"x")],
    "frames behind a reset": [HEAD, frames.rst_stream(1), frames.data(1, b"x")],
    "a stream of the server": [frames.headers(2, OK)],
    "a promise": [frames.push_promise(1, 2, OK)],
    "trailers that do not end": [HEAD, frames.headers(1, blocks.fields((b"x", b"1")), end_stream=False)],
    "an increment of 0": [frames.window_update(0, 0)],
    "a frame that is too large": [HEAD, frames.data(1, bytes(16_385))],
    "goaway that takes back": [frames.goaway(1), frames.goaway(3)],
}


@pytest.mark.parametrize("name", BAD)
def test_fails_at_what_no_server_may_send(name):
    client = Http2Client(FakeLink(*BAD[name])) if name == "settings come first" else client_of(*BAD[name])
    with pytest.raises(AssertionError) as failed:
        while client.read():
            pass
    assert not isinstance(failed.value, ConnectionOver)


def check(allowed, *said, **kwargs):
    check_answer(Row("9113 1", "", (), allowed), client_of(*said, **kwargs))


GOAWAY, RESET = frames.goaway(0, Code.PROTOCOL_ERROR), frames.rst_stream(1, Code.PROTOCOL_ERROR)


def test_answers_are_told_apart():
    protocol, size = (Code.PROTOCOL_ERROR,), (Code.FRAME_SIZE_ERROR,)
    check((ConnectionError(protocol),), GOAWAY)
    check((ConnectionError(size), ConnectionError(protocol)), GOAWAY)
    check((ConnectionError(size, needs_goaway=False),), has_pongs=False)
    for allowed, said in [((ConnectionError(size),), [GOAWAY]), ((ConnectionError(protocol),), []),
                          ((ConnectionError(protocol),), [RESET]), ((StreamError(size),), [RESET]),
                          ((StreamError(protocol),), [GOAWAY]), ((StreamError(protocol),), [HEAD]),
                          ((Answered(),), [RESET]), ((Answered(),), [HEAD]), ((Answered(),), [GOAWAY]),
                          ((Answered((400,)),), [frames.headers(1, OK)]), ((Ignored(),), [RESET]),
                          ((Ignored(),), [GOAWAY]), ((Answered(body=b"x"),), [frames.headers(1, OK)]),
                          ((Answered(num_body_bytes=1),), [HEAD + frames.data(1, b"xx", end=False)])]:
        with pytest.raises(AssertionError):
            check(allowed, *said)


@pytest.mark.parametrize("allowed, said", [
    (StreamError((Code.PROTOCOL_ERROR,)), RESET), (Answered(), frames.headers(1, OK)), (Ignored(), b""),
    (Answered(num_body_bytes=1), HEAD + frames.data(1, b"x", end=False))])
def test_the_connection_has_to_go_on(allowed, said):
    """These end where the next request is due."""
    with pytest.raises(ConnectionOver):
        check((allowed,), said or frames.settings_ack())
