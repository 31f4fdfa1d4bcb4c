"""Which protocol a connection speaks: ALPN over TLS, the first bytes on a plain listener (RFC 9113 3)."""

import pytest
from links import Tcp, TcpLink, TlsLink
from support.config_file import single
from support.http_client import ConnectionEnded
from support.tls_client import HandshakeFailed, client_context
from table.case import Script
from wire import frames
from wire.blocks import request
from wire.client import Http2Client

GET = frames.headers(1, request())
ANSWER = b"GET / HTTP/1.1"


@pytest.fixture(autouse=True)
def quiet(recorder):
    recorder.begin(Script())


def choose(address, protocols):
    link = TlsLink(address, client_context(protocols=protocols))
    return link, link.tls.selected_alpn_protocol()


def check_h2(link):
    with Http2Client(link) as client:
        client.open()
        assert client.ask(path=b"/").body == ANSWER


def check_h1(link):
    with link:
        assert link.request(host="a.test").body == ANSWER


@pytest.mark.parametrize("offered, chosen", [(["h2"], "h2"), (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"),
                                             (["http/1.1"], "http/1.1"), (None, None)])
def test_alpn(proxy, offered, chosen):
    link, said = choose(proxy.address("tls"), offered)
    assert said == chosen or (chosen == "h2" and said in offered)  # the order is the server's
    (check_h2 if said == "h2" else check_h1)(link)


def test_alpn_with_nothing_in_common(proxy):
    """RFC 7301 3.2: no_application_protocol."""
    with pytest.raises(HandshakeFailed) as failed:
        choose(proxy.address("tls"), ["spdy/3"])
    assert failed.value.alert in (120, None)


def test_h2_that_was_chosen_is_not_http1(proxy):
    link, said = choose(proxy.address("tls"), ["h2"])
    assert said == "h2"
    with Http2Client(link) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        client.wait_over()
        assert not client.is_foreign and not client.streams


def test_http1_that_was_chosen_is_not_h2(proxy, recorder):
    link, _ = choose(proxy.address("tls"), ["http/1.1"])
    with Http2Client(link) as client:
        client.send(frames.PREFACE + frames.settings() + GET)
        client.wait_over()
        assert client.is_foreign or not client.log
    assert not recorder.settle()


def test_preface_byte_by_byte(proxy):
    with Tcp.open(proxy.address("tcp")) as client:
        for byte in frames.PREFACE + frames.settings() + GET:
            client.send(bytes([byte]))
        assert client.wait_done(1).body == ANSWER


@pytest.mark.parametrize("size", [1, 2, 3, 4, 14, 16, 18, 20, 23])
def test_http1_that_begins_like_the_preface(proxy, recorder, size):
    """Refused as HTTP/1.1, or closed; never taken for a request."""
    with TcpLink(proxy.address("tcp")) as link:
        link.send(frames.PREFACE[:size] + b"X / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        try:
            assert link.read_response().status in ((200, 400) if size < 4 else (400, 501, 505))
        except ConnectionEnded:
            assert size >= 4
    assert size < 4 or not recorder.settle()


def test_methods_that_begin_with_p(proxy):
    for method in ("POST", "PUT", "PATCH", "PR", "PRIX", "PROPFIND"):
        with TcpLink(proxy.address("tcp")) as link:
            link.send(f"{method} / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n".encode())
            assert link.read_response().text == f"{method} / HTTP/1.1"


def test_preface_behind_a_request_is_refused(proxy, recorder):
    """Prior knowledge is for the first bytes of a connection."""
    with TcpLink(proxy.address("tcp")) as link:
        assert link.request(host="a.test").status == 200
        link.send(frames.PREFACE + frames.settings() + GET)
        assert link.read_response().status in (400, 505)
        assert link.is_closed_by_peer()
    assert sum(len(stream.received) > 0 for stream in recorder.settle()) == 1


def test_off(start_proxy, recorder):
    daemon = start_proxy(single(recorder, http2={"mode": "off"}))
    link, said = choose(daemon.address("tls"), ["h2", "http/1.1"])
    assert said == "http/1.1"
    check_h1(link)
    with TcpLink(daemon.address("tcp")) as plain:
        plain.send(frames.PREFACE + frames.settings() + GET)
        assert plain.read_response().status in (400, 505)
        assert plain.is_closed_by_peer()
    check_h1(TcpLink(daemon.address("tcp")))
