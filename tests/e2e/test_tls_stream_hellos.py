"""The first bytes of connections that are told apart by the server they name: in pieces, late, and what is none."""

import socket

import pytest

from support.config_file import cluster
from support.http_client import RawClient, request_bytes
from support.stream_hosts import NAMES, open_one
from support.streams import OneByOne, stream, streams
from support.tls_client import HandshakeFailed, TlsClient, TlsSocket, client_context
from support.waiting import eventually

UNRECOGNIZED_NAME = 112
REFUSED = 'proxyd_stream_refused_total{why="%s"}'


@pytest.mark.parametrize("name", NAMES)
def test_the_hello_may_come_byte_by_byte(serve, all_on_one, authority, name):
    proxy = serve(all_on_one)
    with RawClient(proxy.address("tls")) as client:
        client.sock = TlsSocket(OneByOne(client.sock), client_context(authority), name)
        client.sock.handshake()
        if name == "web.test":
            client.send(request_bytes(host=name))
            assert client.read_response().body == b"web"
        else:
            greeting_text = b"own " if name == "own.test" else b"plain "
            assert client.read_exactly(len(greeting_text)) == greeting_text


@pytest.mark.parametrize("name", NAMES)
def test_the_hello_may_come_in_many_records(serve, all_on_one, authority, name):
    class Fragments(OneByOne):
        """The first message in records of 9 bytes each."""
        is_first = True

        def sendall(self, data):
            if self.is_first:
                self.is_first = False
                assert data[0] == 22 and len(data) == 5 + int.from_bytes(data[3:5], "big")
                pieces = [data[i:i + 9] for i in range(5, len(data), 9)]
                data = b"".join(data[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)
            self.sock.sendall(data)

    proxy = serve(all_on_one)
    with RawClient(proxy.address("tls")) as client:
        client.sock = TlsSocket(Fragments(client.sock), client_context(authority), name)
        client.sock.handshake()
        eventually(lambda: proxy.metric("proxyd_connections_open") >= 1, "it to be served")


@pytest.fixture
def passing(own, serve):
    """Passthrough of own.test alone, on a listener without TLS."""
    return serve(streams([cluster("own", own)], [stream("own", "own", tls="passthrough", names=["own.test"])],
                         [{"name": "tcp", "address": "127.0.0.1", "timeouts": {"tls_handshake_ms": 1000}}]))


def test_without_tls_other_names_get_the_alert(passing, authority):
    with open_one(passing, authority, "own.test", "tcp") as client:
        assert client.read_exactly(4) == b"own "
    for number, name in enumerate(("nobody.test", "x.own.test", None), start=1):
        with pytest.raises(HandshakeFailed) as failure:
            TlsClient(passing.address("tcp"), client_context(), name)
        assert failure.value.alert == UNRECOGNIZED_NAME
        passing.wait_metric(REFUSED % "unrecognized_name", number)


GARBAGE = {"http": request_bytes(), "garbage": bytes(range(255, 0, -1)), "alert": b"\x15\x03\x01\x00\x02\x02\x28",
           "ssl2": b"\x80\x2e\x01\x03\x01" + bytes(40), "too long a message": b"\x16\x03\x01\x00\x04\x01\xff\xff\xff",
           "oversized": b"".join(b"\x16\x03\x01\x10\x00" + (b"\x01\x00\x3f\xff" if i == 0 else b"") +
                                 bytes(4096 - (4 if i == 0 else 0)) for i in range(8))}


@pytest.mark.parametrize("kind", GARBAGE)
def test_what_is_no_hello_is_closed(passing, own, kind):
    with RawClient(passing.address("tcp")) as client:
        try:
            client.send(GARBAGE[kind])
        except OSError:
            pass  # it was faster
        assert client.is_closed_by_peer()
    passing.wait_metric(REFUSED % "not_tls", 1)
    assert own.num_connections == 0


def test_http_to_the_port_of_https_is_closed(serve, all_on_one):
    proxy = serve(all_on_one)
    with RawClient(proxy.address("tls")) as client:
        client.send(request_bytes())
        assert client.is_closed_by_peer()
    proxy.wait_metric(REFUSED % "not_tls", 1)
    assert proxy.metric("proxyd_tls_handshake_failures_total") == 0


def test_what_https_would_take_for_a_hello_does_not_pass_by_the_routes(serve, all_on_one):
    """An empty record in front: TLS libraries skip some of them."""
    proxy = serve(all_on_one)
    with RawClient(proxy.address("tls")) as client:
        client.send(b"\x16\x03\x01\x00\x00\x16\x03\x01\x02\x00\x01\x00\x01\xfc")
        assert client.is_closed_by_peer()
    proxy.wait_metric(REFUSED % "not_tls", 1)


def test_who_never_says_whom_it_wants_is_closed_in_time(passing):
    with RawClient(passing.address("tcp")) as silent, RawClient(passing.address("tcp")) as slow:
        slow.send(b"\x16\x03\x01\x02\x00\x01")
        assert silent.is_closed_by_peer() and slow.is_closed_by_peer()
    passing.wait_metric(REFUSED % "hello_timeout", 2)
    with RawClient(passing.address("tcp")) as client:
        client.send(b"\x16")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.is_closed_by_peer()
    passing.wait_metric(REFUSED % "hello_closed", 1)
    passing.wait_metric("proxyd_connections_open", 0)


def test_unfinished_hellos_are_limited(serve, own, authority):
    proxy = serve(streams([cluster("own", own)], [stream("own", "own", "tls", "passthrough", ["own.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {"max_handshakes": 2}}],
                          certificates=[authority.make("web.test").config("web", "web.test")]))
    held = [RawClient(proxy.address("tls")) for _ in range(2)]
    proxy.wait_metric("proxyd_connections_open", 2)
    with RawClient(proxy.address("tls")) as client:
        assert client.is_closed_by_peer()
    proxy.wait_metric(REFUSED % "max_handshakes", 1)
    for client in held:
        client.close()
    proxy.wait_metric("proxyd_connections_open", 0)
    with open_one(proxy, authority, "own.test") as client:
        assert client.read_exactly(4) == b"own "


def test_a_handshake_that_fails_opens_nothing(serve, all_on_one, plain, authority):
    proxy = serve(all_on_one)
    with RawClient(proxy.address("tls")) as client:
        tls = TlsSocket(client.sock, client_context(), "mqtt.test")
        with pytest.raises(Exception):
            tls.tls.do_handshake()
        tls.flush()
        client.sock.recv(1 << 16)
        client.send(b"\x17\x03\x03\x00\x20" + bytes(32))  # no Finished
        client.is_closed_by_peer()
    proxy.wait_metric(REFUSED % "tls_handshake", 1)
    assert proxy.wait_log(route="mqtt")["why"].startswith("tls_handshake:")
    assert plain.num_connections == 0
