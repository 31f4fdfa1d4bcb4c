"""Every status that the proxy makes itself, from a real socket, with its reason in the access log."""

import socket
import struct
import threading

import pytest

from support.backend import Backend
from support.config_file import cluster, config, route, write_config
from support.daemon import Daemon
from support.http_client import RawClient, request_bytes
from support.manifests import backend_of, endpoint_slice, ingress, path, service
from support.raw_backend import RawBackend

LIMITS = {"request_line_bytes": 1024, "head_bytes": 4096, "max_headers": 20, "body_bytes": 1000}
TIMEOUTS = {"request_head_ms": 200, "request_body_idle_ms": 200}


def get(*lines, target="/", version="HTTP/1.1", method="GET"):
    head = [f"{method} {target} {version}", *lines]
    return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


HOST = "Host: ok.test"
POST_CHUNKED = get(HOST, "Transfer-Encoding: chunked", method="POST")

# What a client does wrong: (bytes, status, why). The client then waits, without closing its side.
CLIENT_ROWS = {
    "no-host": (get(), 400, "bad_request:missing_host"),
    "two-hosts": (get(HOST, HOST), 400, "bad_request:two_hosts"),
    "bad-host": (get("Host: a b"), 400, "bad_request:bad_host"),
    "bad-path": (get(HOST, target="/%zz"), 400, "bad_request:bad_path"),
    "bad-target": (get(HOST, target="nothing"), 400, "bad_request:bad_target"),
    "bad-request-line": (b"GET  / HTTP/1.1\r\n\r\n", 400, "bad_request:bad_request_line"),
    "bad-header-name": (get(HOST, "X(Y): 1"), 400, "bad_request:bad_header_name"),
    "space-before-colon": (get(HOST, "X : 1"), 400, "bad_request:space_before_colon"),
    "control-character": (get(HOST, "X: \x01"), 400, "bad_request:control_character"),
    "bare-lf": (b"GET / HTTP/1.1\nHost: ok.test\n\n", 400, "bad_request:bare_lf"),
    "bare-cr": (get(HOST, "X: a\rb"), 400, "bad_request:bare_cr"),
    "obs-fold": (get(HOST, "X: a", " b"), 400, "bad_request:obs_fold"),
    "length-and-chunked": (get(HOST, "Content-Length: 1", "Transfer-Encoding: chunked"), 400,
                           "bad_request:length_and_chunked"),
    "two-lengths": (get(HOST, "Content-Length: 1", "Content-Length: 1"), 400, "bad_request:two_content_lengths"),
    "bad-length": (get(HOST, "Content-Length: +1"), 400, "bad_request:bad_content_length"),
    "bad-coding": (get(HOST, "Transfer-Encoding: chunked, chunked"), 400, "bad_request:bad_transfer_encoding"),
    "chunked-http10": (get(HOST, "Transfer-Encoding: chunked", version="HTTP/1.0"), 400,
                       "bad_request:chunked_http10"),
    "bad-chunk-size": (POST_CHUNKED + b"xyz\r\n", 400, "bad_request:bad_chunk_size"),
    "bad-chunk-end": (POST_CHUNKED + b"1\r\nabc", 400, "bad_request:bad_chunk_end"),
    "bad-trailer": (POST_CHUNKED + b"0\r\nX : 1\r\n\r\n", 400, "bad_request:bad_trailer"),
    "tls-on-plain-port": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request:control_character"),
    "head-too-slow": (b"GET / HTTP/1.1\r\nHost: ok.test\r\n", 408, "request_timeout:head"),
    "body-too-slow": (get(HOST, "Content-Length: 5", method="POST") + b"ab", 408, "request_timeout:body"),
    "chunk-too-slow": (POST_CHUNKED + b"5\r\nab", 408, "request_timeout:body"),
    "length-too-large": (get(HOST, "Content-Length: 1001", method="POST"), 413, "body_too_large:content_length"),
    "chunks-too-large": (POST_CHUNKED + b"258\r\n" + b"a" * 600 + b"\r\n258\r\n", 413, "body_too_large:body_too_large"),
    "uri-too-long": (get(HOST, target="/" + "a" * 1024), 414, "uri_too_long:uri_too_long"),
    "unknown-expectation": (get(HOST, "Expect: a-lot", "Content-Length: 1", method="POST"), 417,
                            "expectation_failed:unknown_expectation"),
    "head-too-large": (get(HOST, *[f"X-{i}: {'v' * 400}" for i in range(11)]), 431, "head_too_large:head_too_large"),
    "too-many-headers": (get(HOST, *[f"X-{i}: v" for i in range(20)]), 431, "head_too_large:too_many_headers"),
    "connect": (get(HOST, method="CONNECT", target="a:80"), 501, "method_not_supported:connect"),
    "unknown-coding": (get(HOST, "Transfer-Encoding: gzip"), 501, "transfer_coding_unknown:unknown_transfer_coding"),
    "version-2-0": (get(HOST, version="HTTP/2.0"), 505, "version_not_supported:bad_version"),
    "version-1-2": (get(HOST, version="HTTP/1.2"), 505, "version_not_supported:bad_version"),
}


def answer_with(data, then):
    """A script that answers the first request of each connection with `data`; `then` is how it ends."""
    def script(connection):
        if connection.read_request() is None:
            return
        connection.send(data)
        end_connection(connection, then)

    return script


def end_connection(connection, how):
    if how == "wait":
        connection.wait_end()
    elif how == "reset":
        connection.reset()


def head_then(*lines, status="200 OK", body=b""):
    return ("\r\n".join([f"HTTP/1.1 {status}", *lines]) + "\r\n\r\n").encode() + body


# What a backend does wrong before its head is through: (script, status, why).
BACKEND_ROWS = {
    "closes-at-once": (lambda c: None, 502, "upstream_reset:"),
    "closes-before-head": (answer_with(b"", "close"), 502, "upstream_reset:closed_before_head"),
    "closes-in-head": (answer_with(b"HTTP/1.1 200 OK\r\nContent-Le", "close"), 502,
                       "upstream_reset:closed_before_head"),
    "resets-before-head": (answer_with(b"", "reset"), 502, "upstream_reset:"),
    "says-nothing": (answer_with(b"", "wait"), 504, "upstream_timeout:response_head"),
    "stops-in-head": (answer_with(b"HTTP/1.1 200 OK\r\n", "wait"), 504, "upstream_timeout:response_head"),
    "not-http": (answer_with(b"SSH-2.0-OpenSSH\r\n", "wait"), 502, "bad_response:bad_status_line"),
    "http09": (answer_with(b"<html>hello</html>", "close"), 502, "bad_response:bad_status_line"),
    "http2": (answer_with(b"HTTP/2.0 200 OK\r\n\r\n", "wait"), 502, "bad_response:bad_version"),
    "status-99999": (answer_with(b"HTTP/1.1 99999 OK\r\n\r\n", "wait"), 502, "bad_response:bad_status_line"),
    "status-000": (answer_with(b"HTTP/1.1 000 OK\r\n\r\n", "wait"), 502, "bad_response:bad_status"),
    "bare-lf": (answer_with(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", "wait"), 502, "bad_response:bare_lf"),
    "nul": (answer_with(head_then("X: a\0b"), "wait"), 502, "bad_response:control_character"),
    "space-before-colon": (answer_with(head_then("X : a"), "wait"), 502, "bad_response:space_before_colon"),
    "fold": (answer_with(head_then("X: a", " b"), "wait"), 502, "bad_response:obs_fold"),
    "two-lengths": (answer_with(head_then("Content-Length: 2", "Content-Length: 3"), "wait"), 502,
                    "bad_response:two_content_lengths"),
    "length-and-chunked": (answer_with(head_then("Content-Length: 2", "Transfer-Encoding: chunked"), "wait"), 502,
                           "bad_response:length_and_chunked"),
    "unknown-coding": (answer_with(head_then("Transfer-Encoding: gzip"), "wait"), 502,
                       "bad_response:unknown_transfer_coding"),
    "unasked-101": (answer_with(head_then(status="101 Switching Protocols"), "wait"), 502,
                    "bad_response:unexpected_101"),
    "endless-1xx": (answer_with(head_then(status="103 Early Hints") * 2000, "wait"), 502,
                    "bad_response:too_many_interim"),
    "head-too-large": (answer_with(head_then("X: " + "a" * 70000), "wait"), 502, "bad_response:head_too_large"),
    "too-many-fields": (answer_with(head_then(*["X: 1"] * 201), "wait"), 502, "bad_response:too_many_headers"),
}

# What a backend does wrong after it: (head line, body, the rest, how it ends, why). The client must see that
# the body is not whole.
CHUNKED = "Transfer-Encoding: chunked"
CUT_ROWS = {
    "short-length": ("Content-Length: 10", b"12345", b"", "close", "response_truncated:closed_in_body"),
    "short-length-reset": ("Content-Length: 10", b"12345", b"", "reset", "response_truncated:"),
    "no-last-chunk": (CHUNKED, b"5\r\n12345\r\n", b"", "close", "response_truncated:closed_in_body"),
    "half-last-chunk": (CHUNKED, b"5\r\n12345\r\n", b"0\r\n", "close", "response_truncated:closed_in_body"),
    "bad-chunk-size": (CHUNKED, b"5\r\n12345\r\n", b"zz\r\n", "wait", "bad_response:bad_chunk_size"),
    "bad-chunk-end": (CHUNKED, b"5\r\n12345", b"678", "wait", "bad_response:bad_chunk_end"),
    "bad-trailer": (CHUNKED, b"5\r\n12345\r\n", b"0\r\nX : 1\r\n\r\n", "wait", "bad_response:bad_trailer"),
    "stops-in-body": ("Content-Length: 10", b"12345", b"", "wait", "upstream_timeout:response_body"),
    "stops-in-chunk": (CHUNKED, b"A\r\n12345", b"", "wait", "upstream_timeout:response_body"),
}
HEAD_SEEN = {name: threading.Event() for name in CUT_ROWS}  # by the client


def cut_script(name):
    line, body, rest, end, _ = CUT_ROWS[name]

    def script(connection):
        if connection.read_request() is None:
            return
        connection.send(head_then(line, body=body))
        HEAD_SEEN[name].wait(30)
        connection.send(rest)
        end_connection(connection, end)

    return script


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """One daemon for all rows: a host for each of them, with a backend of its own."""
    folder = tmp_path_factory.mktemp("statuses")
    scripts = {f"{name}.fault.test": row[0] for name, row in BACKEND_ROWS.items()}
    scripts |= {f"{name}.cut.test": cut_script(name) for name in CUT_ROWS}
    backends = {host: RawBackend(script) for host, script in scripts.items()}
    backends["ok.test"] = Backend()
    clusters = [cluster(host, backend, timeouts={"response_head_ms": 200, "response_body_idle_ms": 200})
                for host, backend in backends.items()]
    routes = [route(host, host, host) for host in backends]
    value = config(clusters, routes, limits=LIMITS, timeouts=TIMEOUTS)
    daemon = Daemon(["--config", write_config(folder / "config", value), "--workers", "1"], folder).wait_ready()
    yield daemon
    for backend in backends.values():
        backend.close()
    daemon.stop()


@pytest.mark.parametrize("name", CLIENT_ROWS)
def test_answers_what_a_client_does_wrong(proxy, name):
    data, status, why = CLIENT_ROWS[name]
    with RawClient(proxy.http) as client:
        port = client.sock.getsockname()[1]
        client.send(data)
        response = client.read_response()
        assert (response.status, response.header("connection")) == (status, "close")
        assert response.is_whole and response.header("date")
        assert client.is_closed_by_peer()
    entry = proxy.wait_log(client_port=port)
    assert (entry["status"], entry["why"]) == (status, why)


@pytest.mark.parametrize("name", BACKEND_ROWS)
def test_answers_what_a_backend_does_wrong(proxy, name):
    _, status, why = BACKEND_ROWS[name]
    with RawClient(proxy.http) as client:
        for _ in range(2):  # such an answer does not cost the client its connection
            response = client.request(host=f"{name}.fault.test")
            assert (response.status, response.header("connection"), response.is_whole) == (status, None, True)
    entry = proxy.wait_log(host=f"{name}.fault.test")
    assert (entry["status"], entry["route"]) == (status, f"{name}.fault.test/0")
    assert entry["why"].startswith(why) if why.endswith(":") else entry["why"] == why
    assert entry["upstream"].startswith("127.0.0.1:")


@pytest.mark.parametrize("name", CUT_ROWS)
def test_answer_cut_by_its_backend_is_cut_for_the_client(proxy, name):
    why = CUT_ROWS[name][-1]
    with RawClient(proxy.http) as client:
        client.send(request_bytes(host=f"{name}.cut.test"))
        response = client.read_head()
        HEAD_SEEN[name].set()
        client.read_body(response)
        assert (response.status, response.is_whole) == (200, False)
        assert b"12345".startswith(response.body)
        assert client.is_closed_by_peer()
    entry = proxy.wait_log(host=f"{name}.cut.test")
    assert entry["status"] == 200
    assert entry["why"].startswith(why) if why.endswith(":") else entry["why"] == why


def test_request_without_route(proxy):
    with RawClient(proxy.http) as client:
        for version in ("HTTP/1.1", "HTTP/1.0"):
            data = request_bytes(target="/gone", host="unknown.test", version=version)
            client.send(data)
            assert client.read_response().status == 404
    assert proxy.wait_log(host="unknown.test", protocol="HTTP/1.0")["why"] == "no_route"
    assert proxy.wait_log(host="unknown.test", protocol="HTTP/1.1")["why"] == "no_route"


def test_answer_to_head_has_no_body(proxy):
    with RawClient(proxy.http) as client:
        for _ in range(2):
            response = client.request("HEAD", host="unknown.test")
            assert response.status == 404 and int(response.header("content-length")) > 0
    assert proxy.wait_log(method="HEAD")["bytes_out"] == 0


def config_rows(closed_port):
    """host -> (cluster or None, rule, status, why)"""
    return {
        "empty.test": (cluster("empty"), {}, 503, "no_endpoints"),
        "refused.test": (cluster("refused", ("127.0.0.1", closed_port)), {}, 502, "connect_failed:"),
        "unresolved.test": (cluster("unresolved", ("no-such-name.invalid", 80), timeouts={"connect_ms": 500}), {},
                            502, "resolve_failed:"),
        "reply.test": (None, {"backends": [], "reply": {"status": 410, "why": "moved_away"}}, 410, "moved_away"),
        "share.test": (None, {"backends": [{"failure": {"status": 503, "why": "broken_share"}}]}, 503,
                       "broken_share"),
        "weightless.test": (None, {"backends": [{"cluster": "empty", "weight": 0}]}, 500, "no_backends"),
    }


def test_statuses_of_the_configuration(serve):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # taken, but nobody listens
        rows = config_rows(closed.getsockname()[1])
        clusters = [row[0] for row in rows.values() if row[0]]
        routes = [route(host, host.split(".")[0], host, **row[1]) for host, row in rows.items()]
        proxy = serve(config(clusters, routes))
        with RawClient(proxy.http) as client:
            for host, (_, _, status, why) in rows.items():
                assert client.request(host=host).status == status, host
                entry = proxy.wait_log(host=host)
                assert entry["status"] == status
                assert entry["why"].startswith(why) if why.endswith(":") else entry["why"] == why, host


def test_connect_that_hangs_is_given_up(serve):
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        # The queue of connections holds one; the kernel drops what comes beyond.
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        first.connect(listener.getsockname())
        second.setblocking(False)
        second.connect_ex(listener.getsockname())
        proxy = serve(config([cluster("full", listener.getsockname(), timeouts={"connect_ms": 300})],
                             [route("all", "full")]))
        assert proxy.ask().status == 502
        assert proxy.wait_log(status=502)["why"].startswith("connect_failed:")


def test_backend_that_does_not_read_the_request(serve, make_raw_backend):
    answered = threading.Event()
    backend = make_raw_backend(lambda connection: answered.wait(30))
    proxy = serve(backend, {"timeouts": {"request_write_idle_ms": 300}})
    with proxy.connect() as client:
        sender = threading.Thread(target=send_what_is_taken, args=(client, 64 << 20), daemon=True)
        sender.start()
        assert client.read_response().status == 504
        answered.set()
        entry = proxy.wait_log(status=504)
        assert entry["why"] == "upstream_timeout:request_write"
    sender.join(30)


def send_what_is_taken(client, size):
    try:
        client.send(request_bytes("POST", headers=[("Content-Length", str(size))]))
        for _ in range(size >> 16):
            client.send(bytes(1 << 16))
    except OSError:
        pass


def test_whole_request_takes_too_long(serve, make_raw_backend):
    backend = make_raw_backend(lambda connection: connection.wait_end())
    proxy = serve(config([cluster("slow", backend)], [route("all", "slow", timeouts={"request_ms": 200})]))
    assert proxy.ask().status == 504
    assert proxy.wait_log(status=504)["why"] == "upstream_timeout:request"


def test_client_that_goes_away(serve, make_raw_backend):
    client = None

    def script(connection):
        connection.read_request()
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        assert connection.wait_end() == b""  # the proxy gives the request up

    backend = make_raw_backend(script)
    proxy = serve(backend)
    client = RawClient(proxy.http)
    client.send(request_bytes(target="/leaving"))
    entry = proxy.wait_log(path="/leaving")
    assert entry["status"] == 499 and entry["why"].startswith("client_gone:")
    backend.check()


def test_client_that_does_not_read_its_answer(serve, make_backend):
    def endless(conversation):
        conversation.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        for _ in range(1 << 10):
            conversation.send(bytes(1 << 20))

    proxy = serve(make_backend(endless), timeouts={"write_idle_ms": 300})
    with proxy.connect() as client:
        client.send(request_bytes(target="/unread"))
        entry = proxy.wait_log(path="/unread")
        assert (entry["status"], entry["why"]) == (200, "client_gone:write_idle")
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(1 << 20):
                pass


def test_connections_without_a_request_are_closed_without_a_word(serve, make_backend):
    proxy = serve(make_backend(), timeouts={"request_head_ms": 200, "keep_alive_idle_ms": 200})
    with proxy.connect() as fresh, proxy.connect() as used:
        assert used.request().status == 200
        assert fresh.is_closed_by_peer() and used.is_closed_by_peer()
    proxy.wait_log(status=200)
    assert len(proxy.log_entries()) == 1  # of the request; the connections leave no line


def kubernetes_rows():
    """path -> (backend, objects, status, why)"""
    return {
        "/no-service": (backend_of("absent"), [], 503, "no_service"),
        "/no-port": (backend_of("portless", 81), [service("portless")], 503, "no_service_port"),
        "/no-named-port": (backend_of("portless", "web"), [], 503, "no_service_port"),
        "/no-slices": (backend_of("sliceless"), [service("sliceless")], 503, "no_endpoints"),
        "/not-ready": (backend_of("unready"), [service("unready"), endpoint_slice(
            "unready", [("127.0.0.1", 9)], conditions={"ready": False})], 503, "no_endpoints"),
        "/other-port": (backend_of("other", 80), [service("other", port_name="web"), endpoint_slice(
            "other", [("127.0.0.1", 9)], port_name="admin")], 503, "no_endpoints"),
        "/resource": ({"resource": {"apiGroup": "a.b", "kind": "Bucket", "name": "x"}}, [], 503, "resource_backend"),
        "/external": (backend_of("outside"), [service("outside", type="ExternalName", externalName="a.b")], 503,
                      "external_name_forbidden"),
    }


def test_statuses_of_kubernetes_objects(start, manifests):
    rows = kubernetes_rows()
    paths = [{**path(prefix, "unused"), "backend": row[0]} for prefix, row in rows.items()]
    manifests.write("a.yaml", ingress("a", "a.test", paths), [o for row in rows.values() for o in row[1]])
    proxy = start().wait_ready()
    with proxy.connect() as client:
        for prefix, (_, _, status, why) in rows.items():
            assert client.request(target=prefix, host="a.test").status == status, prefix
            entry = proxy.wait_log(path=prefix)
            assert (entry["status"], entry["why"]) == (status, why), prefix
            assert entry["route"].startswith("default/a/")
        assert client.request(target="/unmatched", host="a.test").status == 404
        assert proxy.wait_log(path="/unmatched")["why"] == "no_route"
