"""The runner itself: it tells whole messages from begun ones, and fails when a record is not what the row says."""

import pytest
from harness.messages import Malformed, read_message
from harness.runner import check_record
from harness.transport import TcpTransport, TlsTransport
from table.wire import got, post

ID = b"0123456789abcdef" * 2
GET = got(b"/a").replace(b"*", ID)
LENGTH = post(body=b"hello").replace(b"*", ID)
CHUNKED = post(chunks=b"hello").replace(b"*", ID)


class FakeStream:
    def __init__(self, *messages, is_ended=True):
        self.received = bytearray(b"".join(messages))
        self.is_ended = is_ended


class FakeRecorder:
    def wait(self, is_so, what):
        assert is_so([]), what


def check(streams, expected, begun=b""):
    check_record(FakeRecorder(), streams, expected, begun)


def test_reads_whole_messages():
    for sent, text in [(GET, got(b"/a")), (LENGTH, post(body=b"hello")), (CHUNKED, post(chunks=b"hello"))]:
        message = read_message(sent + b"GET ")
        assert (message.is_whole, message.num_bytes, message.text()) == (True, len(sent), text)
    apart = CHUNKED.replace(b"5\r\nhello", b"2\r\nhe\r\n3\r\nllo")
    assert read_message(apart).text() == post(chunks=b"hello")


def test_every_beginning_is_no_whole_message():
    for sent in (LENGTH, CHUNKED):
        for size in range(len(sent)):
            message = read_message(sent[:size])
            assert message is None or (not message.is_whole and message.num_bytes == size), size


@pytest.mark.parametrize("sent", [
    GET.replace(b"Host", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\nHost"),
    GET.replace(b"Host", b"Content-Length: +5\r\nHost"), GET.replace(b"Host", b"Transfer-Encoding: gzip\r\nHost"),
    GET.replace(b"Host:", b"X:\0\r\nHost:"), GET.replace(b"Host", b"X: a\nY: b\r\nHost"),
    GET.replace(b"Host", b"X\r\nHost"), CHUNKED.replace(b"5\r\n", b"4\r\n"),
    CHUNKED.replace(b"5\r\nhello", b"0x5\r\nhello")])
def test_refuses_what_no_proxy_may_send(sent):
    with pytest.raises(Malformed):
        read_message(sent)


def test_a_record_is_held_to_the_byte():
    check([FakeStream(GET, LENGTH)], [got(b"/a"), post(body=b"hello")])
    check([FakeStream(GET), FakeStream(LENGTH[:-1])], [got(b"/a")], post(body=b"hello"))
    for streams, expected, begun in [
            ([FakeStream(GET)], [], b""),  # more than the row says
            ([], [got(b"/a")], b""),  # less
            ([FakeStream(GET)], [got(b"/b")], b""),  # something else
            ([FakeStream(GET, LENGTH)], [post(body=b"hello"), got(b"/a")], b""),  # in another order
            ([FakeStream(LENGTH)], [], post(body=b"hello")),  # begun, but whole
            ([FakeStream(LENGTH[:-1])], [], b""),  # begun, where nothing may be
            ([FakeStream(LENGTH[:-1])], [], post(body=b"world")),  # another beginning
            ([FakeStream(LENGTH[:-1], is_ended=False)], [], post(body=b"hello")),  # begun, and still open
            ([FakeStream(GET[:-1])], [], got(b"/a"))]:  # half a head
        with pytest.raises(AssertionError):
            check(streams, expected, begun)


PORTS = {b"a.test": b"443", b"a.test:80": b"80", b"a.test:8443": b"8443", b"": b"*"}


@pytest.mark.parametrize("host, port", PORTS.items())
def test_tls_is_told_to_the_backend(host, port):
    plain = got(b"/", b"X-Mine: 80", host=host)
    assert TcpTransport("").to_backend(plain) == plain
    secure = TlsTransport("").to_backend(plain)
    assert secure.count(b"https") == 1 and b"\r\nX-Forwarded-Proto: https\r\n" in secure
    assert b"\r\nX-Forwarded-Port: " + port + b"\r\n" in secure
    for changed in (b"Proto: https", b"Port: " + port):
        secure = secure.replace(changed, b"")
    for changed in (b"Proto: http", b"Port: 80" if port == b"443" else b"Port: " + port):
        plain = plain.replace(changed, b"")
    assert secure == plain, "and nothing else"
