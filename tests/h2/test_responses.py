"""Hostile answers of backends, as the table of HTTP/1.1 has them, asked for by HTTP/2: refused, made good, or reset;
never completed. The connection goes on, whatever one of its streams got."""

import pytest
from harness.runner import check_record, got_attack
from table import RESPONSES
from table.case import Script
from table.wire import post
from wire import frames
from wire.blocks import request
from wire.frames import Code

OF_HTTP1 = "transfer-encoding"
LAST = b"GET /last "


@pytest.fixture
def client(proxy, link):
    with link.open(proxy.address(link.name)) as client:
        yield client.open()


def check_last(client):
    last = client.ask()
    assert (last.status, bytes(last.body), last.is_ended) == (200, b"GET /last HTTP/1.1", True)


@pytest.mark.parametrize("name", RESPONSES)
def test_response(recorder, link, client, name):
    case = RESPONSES[name]
    recorder.begin(case.script)
    client.send(frames.headers(1, request(case.method.encode(), b"/attack")))
    stream = client.wait_done(1)
    if case.is_cut and stream.status != 502:
        assert (stream.status, stream.is_ended, stream.reset) == (case.status, False, Code.INTERNAL_ERROR)
        assert case.body.startswith(bytes(stream.body))
    else:
        assert (stream.status, stream.is_ended) == (502 if case.is_cut else case.status, True)
        assert stream.reset in (None, Code.NO_ERROR)
        assert case.is_cut or case.body in (None, bytes(stream.body))
        fields = [(name.decode(), value.decode()) for name, value in stream.fields]
        assert case.fields is None or fields == [pair for pair in case.fields if pair[0] != OF_HTTP1]
    check_last(client)
    attacked = [of for of in recorder.settle() if b" /attack " in of.received]
    assert len(attacked) == 1 or (case.is_retried and len(attacked) == 2)
    for of in attacked:
        if case.is_reused:
            assert not of.is_ended and LAST in of.received
        else:
            recorder.wait(lambda _, ended=of: ended.is_ended, "a connection out of step is closed")
            check_record(recorder, [of], [link.to_backend(got_attack(case.method))], b"")


def answer_of(recorder, client, answer, *more, method=b"GET"):
    recorder.begin(Script(at_end=answer))
    client.send(frames.headers(1, request(method, b"/", *more)))
    return client.wait_done(1)


@pytest.mark.parametrize("status, length", [(b"204 No Content", b""), (b"304 Not Modified", b"Content-Length: 4\r\n"),
                                            (b"200 OK", b"Content-Length: 0\r\n")])
def test_an_answer_without_a_body_ends_with_its_head(recorder, client, status, length):
    stream = answer_of(recorder, client, b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")
    assert (stream.status, stream.body, stream.is_ended) == (int(status[:3]), b"", True)
    assert not any("DATA stream 1 " in line for line in client.log)
    check_last(client)


def test_interim_answers_reach_the_client(recorder, client):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 2
    stream = answer_of(recorder, client, hints + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (stream.interim, stream.status, stream.body) == ([103, 103], 200, b"ok")


def test_trailers_reach_the_client(recorder, client):
    """Those that frame or route do not, and none of the hop (RFC 9110 6.5.1)."""
    stream = answer_of(recorder, client, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                       b"X-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n")
    assert (stream.body, stream.trailers, stream.is_ended) == (b"ok", [(b"x-sum", b"1")], True)


def test_names_come_in_lower_case_and_lines_apart(recorder, client):
    stream = answer_of(recorder, client, b"HTTP/1.1 200 OK\r\nX-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
                       b"Content-Length: 0\r\n\r\n")
    assert stream.fields == [(b"x-one", b"1"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"),
                             (b"content-length", b"0")]


NO = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"


def test_an_early_answer_ends_the_request(recorder, link, client):
    """RFC 9113 8.1: a whole answer, and NO_ERROR for the rest of the request. The backend never takes that for one."""
    recorder.begin(Script(at_head=NO))
    client.send(frames.headers(1, request(b"POST", b"/", (b"content-length", b"40")), end_stream=False))
    client.wait(lambda: client.stream(1).is_ended, "the answer")
    stream = client.stream(1)
    assert (stream.status, stream.body) == (403, b"no")
    client.wait(lambda: stream.reset is not None, "the reset")
    assert stream.reset == Code.NO_ERROR
    client.send(frames.data(1, b"GET /hidden HTTP/1.1\r\nHost: a.test\r\n\r\n"))  # it was on its way
    check_last(client)
    streams = [of for of in recorder.settle() if b"POST " in of.received]
    assert all(LAST not in of.received and b"/hidden" not in of.received for of in streams)
    check_record(recorder, streams, [], link.to_backend(post(body=bytes(40))))


class TestExpect:
    EXPECT = (b"expect", b"100-continue"), (b"content-length", b"5")

    def test_continue_of_the_backend(self, recorder, client):
        recorder.begin(Script(at_head=b"HTTP/1.1 100 Continue\r\n\r\n"))
        client.send(frames.headers(1, request(b"POST", b"/", *self.EXPECT), end_stream=False))
        client.wait(lambda: client.stream(1).interim, "100")
        client.send(frames.data(1, b"hello"))
        stream = client.wait_done(1)
        assert (stream.interim, stream.status) == ([100], 200)

    def test_body_that_does_not_wait(self, recorder, link, client):
        recorder.begin(Script())
        client.send(frames.headers(1, request(b"POST", b"/", *self.EXPECT), end_stream=False)
                    + frames.data(1, b"hello"))
        assert client.wait_done(1).status == 200
        messages = [of for of in recorder.settle() if of.received]
        check_record(recorder, messages, [link.to_backend(post(b"expect: 100-continue", body=b"hello"))], b"")

    @pytest.mark.parametrize("value", [b"200-ok", b"100-continue, x", b""])
    def test_what_nobody_knows(self, recorder, client, value):
        recorder.begin(Script())
        client.send(frames.headers(1, request(b"POST", b"/", (b"expect", value), (b"content-length", b"5")),
                                   end_stream=False))
        assert client.wait_done(1).status == 417
        check_last(client)
        assert not any(b"POST " in of.received for of in recorder.settle())


def test_field_blocks_larger_than_a_frame(recorder, client):
    """HEADERS and CONTINUATION, and nothing between them."""
    value = b"v" * 30_000
    stream = answer_of(recorder, client, b"HTTP/1.1 200 OK\r\nX-Large: " + value + b"\r\nContent-Length: 0\r\n\r\n")
    assert stream.status == 200 and stream.values(b"x-large") == [value]
    assert any("CONTINUATION" in line for line in client.log)
    check_last(client)


def test_a_small_table_of_ours_is_kept_to(recorder, client):
    """RFC 7541 4.2, with fields that would fill a larger one."""
    client.send(frames.settings((frames.Setting.HEADER_TABLE_SIZE, 100)))
    client.decoder.max_allowed_table_size = 100
    client.sync()
    for i in range(20):
        recorder.begin(Script(at_end=b"HTTP/1.1 200 OK\r\nX-%d: %s\r\nContent-Length: 0\r\n\r\n" % (i, b"v" * 60)))
        assert client.ask(b"GET", b"/x").values(b"x-%d" % i) == [b"v" * 60]
    assert client.decoder.header_table_size <= 100
