"""TLS connections by the server that they name: passed on as they are, terminated, or HTTPS, all on one port."""

import os
import socket
import subprocess
import threading

import pytest

from support.config_file import cluster
from support.http_client import RawClient, request_bytes
from support.stream_hosts import open_one
from support.streams import behind_tls, greeting, single_stream, stream, streams
from support.tls_backend import server_context
from support.tls_client import CLOSE_NOTIFY, HandshakeFailed, TlsClient, TlsSocket, VERSIONS, client_context
from support.waiting import eventually

UNRECOGNIZED_NAME = 112
REFUSED = 'proxyd_stream_refused_total{why="%s"}'


def ask(client, text=b"hello"):
    """What comes for `text` and the end of our direction."""
    client.send(text)
    client.sock.say_close()
    return client.read_to_end()


@pytest.mark.parametrize("version", VERSIONS)
def test_each_name_has_its_own(serve, all_on_one, own, authority, version):
    proxy = serve(all_on_one)
    how = {"versions": VERSIONS[version]}
    with open_one(proxy, authority, "own.test", **how) as client:
        assert client.certificate == own.made.der
        assert client.read_exactly(4) == b"own "
        client.send(b"hello")
        assert client.read_exactly(5) == b"hello"
    with open_one(proxy, authority, "mqtt.test", **how) as client:
        assert client.certificate == authority.make("mqtt.test").der
        assert client.read_exactly(6) == b"plain "
        assert ask(client) == b"hello" and client.sock.end == CLOSE_NOTIFY
    with open_one(proxy, authority, "web.test", protocols=["h2", "http/1.1"], **how) as client:
        assert client.tls.selected_alpn_protocol() == "h2"
    with open_one(proxy, authority, "web.test", **how) as client:
        client.send(request_bytes(host="web.test"))
        response = client.read_response()
        assert (response.status, response.body) == (200, b"web")
    with open_one(proxy, authority, "a.wild.test", **how) as client:  # the wildcard
        assert client.certificate == own.made.der
    with open_one(proxy, authority, "b.wild.test", **how) as client:  # the name before the wildcard
        assert client.read_exactly(6) == b"plain "
    entry = proxy.wait_log(route="mqtt", server_name="mqtt.test")
    assert (entry["protocol"], entry["bytes_in"], entry["bytes_out"]) == ("tls", 5, 11)  # plain ones
    entry = proxy.wait_log(route="own", server_name="own.test")
    assert entry["protocol"] == "tls" and entry["bytes_in"] > 200 and entry["cluster"] == "own"


def test_a_name_that_no_route_has_is_https_as_before(serve, all_on_one, authority):
    proxy = serve(all_on_one)
    with pytest.raises(HandshakeFailed) as failure:
        open_one(proxy, authority, "nobody.test")
    assert failure.value.alert == UNRECOGNIZED_NAME
    with pytest.raises(HandshakeFailed) as failure:
        TlsClient(proxy.address("tls"), client_context())  # names nobody
    assert failure.value.alert == UNRECOGNIZED_NAME
    proxy.wait_metric("proxyd_tls_handshake_failures_total", 2)
    assert proxy.metric(REFUSED % "unrecognized_name") == 0


def test_no_protocol_is_promised_for_what_is_passed_on(serve, all_on_one, own, authority):
    proxy = serve(all_on_one)
    with open_one(proxy, authority, "mqtt.test", protocols=["h2", "http/1.1"]) as client:
        assert client.tls.selected_alpn_protocol() is None
        assert client.read_exactly(6) == b"plain "
    with open_one(proxy, authority, "mqtt.test", protocols=["mqtt"]) as client:
        assert client.tls.selected_alpn_protocol() is None
    with open_one(proxy, authority, "own.test", protocols=["http/1.1"]) as client:  # the backend's affair
        assert client.tls.selected_alpn_protocol() == "http/1.1"
    eventually(lambda: own.seen == [("own.test", "http/1.1")], "the backend to have seen it")


def test_a_route_without_names_takes_the_rest(serve, own, plain, authority):
    """With and without a name; what is no TLS it does not take."""
    proxy = serve(streams([cluster("own", own), cluster("plain", plain)],
                          [stream("rest", "own", "tls", "passthrough"),
                           stream("mqtt", "plain", "tls", "terminate", ["mqtt.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {}}],
                          certificates=[authority.make("mqtt.test").config("mqtt", "mqtt.test")]))
    with open_one(proxy, authority, "else.test") as client:
        assert client.read_exactly(4) == b"own "
    with TlsClient(proxy.address("tls"), client_context()) as client:
        assert client.read_exactly(4) == b"own "
    with open_one(proxy, authority, "mqtt.test") as client:
        assert client.read_exactly(6) == b"plain "
    with RawClient(proxy.address("tls")) as client:
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.is_closed_by_peer()
    assert proxy.wait_log(route="rest", server_name="else.test")
    eventually(lambda: any("server_name" not in entry for entry in proxy.log_entries() if entry["route"] == "rest"),
               "the one that named nobody")
    assert own.num_connections == 2


def test_terminated_and_encrypted_anew(serve, own, authority):
    """The backend is verified, and gets a server name of ours, no protocol and all that the client said."""
    policy = {"server_name": "own.test", "ca_bundle": authority.root.chain}
    proxy = serve(streams([cluster("own", own, tls=policy)], [stream("mqtt", "own", "tls", "terminate", ["mqtt.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {}}],
                          certificates=[authority.make("mqtt.test").config("mqtt", "mqtt.test")]))
    for _ in range(2):
        with open_one(proxy, authority, "mqtt.test") as client:
            assert client.certificate == authority.make("mqtt.test").der
            assert client.read_exactly(4) == b"own "
            client.send(b"x" * 100_000)
            assert client.read_exactly(100_000) == b"x" * 100_000
    assert own.seen == [("own.test", None)] * 2


def test_a_backend_that_is_somebody_else_is_not_spoken_to(serve, own, authority):
    policy = {"server_name": "other.test", "ca_bundle": authority.root.chain}
    proxy = serve(streams([cluster("own", own, tls=policy)], [stream("mqtt", "own", "tls", "terminate", ["mqtt.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {}}],
                          certificates=[authority.make("mqtt.test").config("mqtt", "mqtt.test")]))
    with open_one(proxy, authority, "mqtt.test") as client:
        assert client.read_to_end() == b""
    entry = proxy.wait_log(route="mqtt")
    assert entry["why"].startswith("connect_failed:") and entry["bytes_out"] == 0
    assert own.seen == []


def test_plain_tcp_may_be_encrypted_to_the_backend(serve, own, authority):
    policy = {"server_name": "own.test", "ca_bundle": authority.root.chain}
    proxy = serve(single_stream(own, {"tls": policy}))
    with RawClient(proxy.address("tcp")) as client:
        assert client.read_exactly(4) == b"own "
        client.send(b"hello")
        assert client.read_exactly(5) == b"hello"


@pytest.mark.parametrize("version", VERSIONS)
def test_each_side_may_end_first_through_a_terminated_connection(serve, make_raw_backend, authority, version):
    def upper(connection):
        connection.send(connection.wait_end().upper())

    def short(connection):
        connection.send(b"bye")
        connection.sock.shutdown(socket.SHUT_WR)
        got.append(connection.wait_end())

    got = []
    proxy = serve(streams([cluster("upper", make_raw_backend(upper)), cluster("short", make_raw_backend(short))],
                          [stream("upper", "upper", "tls", "terminate", ["upper.test"]),
                           stream("short", "short", "tls", "terminate", ["short.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {}}],
                          certificates=[authority.make(name).config(name, name) for name in ("upper.test", "short.test")]))
    how = {"versions": VERSIONS[version]}
    with open_one(proxy, authority, "upper.test", **how) as client:
        assert ask(client, b"question") == b"QUESTION" and client.sock.end == CLOSE_NOTIFY
    with open_one(proxy, authority, "short.test", **how) as client:
        assert client.read_to_end() == b"bye" and client.sock.end == CLOSE_NOTIFY
        client.send(b"late words")
        client.sock.raw.shutdown(socket.SHUT_WR)
        eventually(lambda: got == [b"late words"], "the backend to hear the rest")


def test_proxy_headers_stand_before_tls_on_both_sides(serve, make_raw_backend, authority, tmp_path):
    lines = []
    context = server_context(authority.make("own.test"), tmp_path / "own")

    def read_line(connection):
        line = b""
        while not line.endswith(b"\n"):
            line += connection.sock.recv(1)
        lines.append(line)
        connection.stream.close()
        behind_tls(context, greeting(b"own "))(connection)

    def plain_line(connection):
        lines.append(connection.stream.readline())
        connection.send(b"plain ")
        connection.stream.read()

    proxy = serve(streams([cluster("own", make_raw_backend(read_line), proxy_protocol="v1"),
                           cluster("plain", make_raw_backend(plain_line), proxy_protocol="v1")],
                          [stream("own", "own", "tls", "passthrough", ["own.test"]),
                           stream("mqtt", "plain", "tls", "terminate", ["mqtt.test"])],
                          [{"name": "tls", "address": "127.0.0.1", "tls": {},
                            "proxy_protocol": {"senders": ["127.0.0.0/8"]}}],
                          certificates=[authority.make("mqtt.test").config("mqtt", "mqtt.test")]))
    header = b"PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n"
    for name, text in (("own.test", b"own "), ("mqtt.test", b"plain ")):
        with RawClient(proxy.address("tls")) as client:
            client.send(header)
            client.sock = TlsSocket(client.sock, client_context(authority), name)
            client.sock.handshake()
            assert client.read_exactly(len(text)) == text
    assert lines == [header, header]
    for name in ("own", "mqtt"):
        assert proxy.wait_log(route=name)["client"] == "192.0.2.7"


def test_openssl_speaks_through_it(serve, authority, tmp_path):
    """s_client to s_server, whose ends are not ours."""
    made = authority.make("own.test")
    for file, text in (("chain.pem", made.chain), ("key.pem", made.key)):
        (tmp_path / file).write_text(text, encoding="ascii")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", "chain.pem", "-key",
                               "key.pem", "-www", "-quiet"], cwd=tmp_path)
    try:
        proxy = serve(streams([cluster("own", ("127.0.0.1", port))],
                              [stream("own", "own", tls="passthrough", names=["own.test"])]))

        def answers():
            done = subprocess.run(["openssl", "s_client", "-connect", proxy.address("tcp"), "-servername", "own.test",
                                   "-CAfile", authority.root_file, "-verify_return_error", "-quiet"],
                                  input=b"GET / HTTP/1.0\r\n\r\n", capture_output=True, timeout=60, check=False)
            return b"HTTP/1.0 200 ok" in done.stdout

        eventually(answers, "the page of s_server")
    finally:
        server.kill()
        server.wait()


def test_a_large_transfer_through_each(serve, all_on_one, authority):
    proxy = serve(all_on_one)
    block = os.urandom(8 << 20)
    for name, text in (("own.test", b"own "), ("mqtt.test", b"plain ")):
        with open_one(proxy, authority, name) as client:
            assert client.read_exactly(len(text)) == text
            records = client.sock.encrypt(block)
            sender = threading.Thread(target=client.sock.raw.sendall, args=(records,))
            sender.start()
            assert client.read_exactly(len(block)) == block
            sender.join()
