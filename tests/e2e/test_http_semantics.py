"""What HTTP/1 means, through the proxy: versions, connections, interim answers, fields, order."""

import socket
import threading

import pytest

from support.backend import Backend, ok
from support.http_client import RawClient, request_bytes


@pytest.fixture
def backend(make_backend):
    return make_backend()


@pytest.fixture
def proxy(serve, backend):
    return serve(backend)


# Versions and connections.

def test_clients_of_both_versions_keep_their_connection_when_they_ask(proxy, backend):
    # (version, Connection of the request, Connection of the answer, whether it stays open)
    rows = [("HTTP/1.1", None, None, True), ("HTTP/1.1", "close", "close", False),
            ("HTTP/1.1", "Close , x", "close", False), ("HTTP/1.1", "keep-alive", None, True),
            ("HTTP/1.0", None, "close", False), ("HTTP/1.0", "keep-alive", "keep-alive", True),
            ("HTTP/1.0", "Keep-Alive", "keep-alive", True), ("HTTP/1.0", "keep-alive, close", "close", False)]
    for version, asked, answered, stays in rows:
        with proxy.connect() as client:
            headers = [("Connection", asked)] if asked else []
            response = client.request(version=version, headers=headers)
            assert (response.status, response.version) == (200, "HTTP/1.1"), (version, asked)
            assert response.header("connection") == answered, (version, asked)
            if stays:
                assert client.request().status == 200, (version, asked)
            else:
                assert client.is_closed_by_peer(), (version, asked)
    # The backend is always asked in our version, and never told about the client's connection.
    assert {r.version for r in backend.requests} == {"HTTP/1.1"}
    assert all(r.header("connection") is None for r in backend.requests)


def test_connections_to_the_backend_are_reused(proxy, backend):
    for _ in range(5):
        for _ in range(4):
            assert proxy.ask().status == 200
        with proxy.connect() as client:
            for _ in range(4):
                assert client.request().status == 200
    assert len(backend.requests) == 40 and backend.num_connections == 1


def test_backend_that_closes_gets_a_new_connection(proxy, backend):
    def closing(conversation):
        conversation.send(ok(headers=[("Connection", "close")]))
        conversation.close()

    backend.handler = closing
    with proxy.connect() as client:
        for _ in range(3):
            response = client.request()
            assert (response.status, response.header("connection")) == (200, None)
    assert backend.num_connections == 3


def test_backend_of_http10(proxy, backend):
    def old(conversation):
        conversation.send(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold")
        conversation.close()

    def unframed(conversation):
        conversation.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")
        conversation.close()

    def kept(conversation):
        conversation.send(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 4\r\n\r\nkept")

    with proxy.connect() as client:
        for handler, body in [(old, b"old"), (unframed, b"to the end"), (kept, b"kept"), (kept, b"kept")]:
            backend.handler = handler
            response = client.request()
            assert (response.status, response.body, response.is_whole) == (200, body, True)
            assert response.version == "HTTP/1.1"
    assert [r.connection for r in backend.requests] == [0, 1, 2, 2]


def test_connection_closed_by_the_backend_while_idle_costs_no_request(proxy, backend):
    def last(conversation):
        conversation.send(ok())
        conversation.close()  # without having said so

    for _ in range(10):
        backend.handler = last
        assert proxy.ask().status == 200
        backend.handler = ok()
        assert proxy.ask().status == 200


def test_chunked_answers_reach_old_clients_unframed(proxy, backend):
    backend.handler = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    with proxy.connect() as client:
        response = client.request(version="HTTP/1.0", headers=[("Connection", "keep-alive")])
        assert response.body == b"hello"
        assert response.header("transfer-encoding") is None and response.header("connection") == "close"
        assert client.is_closed_by_peer()


# Messages without a body.

def test_head_answers_have_the_fields_and_no_body(proxy, backend):
    rows = [(b"Content-Length: 1234\r\n", "content-length", "1234"),
            (b"Transfer-Encoding: chunked\r\n", "content-length", None), (b"", "content-length", None)]
    with proxy.connect() as client:
        for fields, name, value in rows:
            backend.handler = b"HTTP/1.1 200 OK\r\nETag: x\r\n" + fields + b"\r\n"
            response = client.request("HEAD")
            assert (response.status, response.header(name), response.header("etag")) == (200, value, "x"), fields
        backend.handler = ok("after")
        assert client.request().body == b"after"


def test_204_and_304_have_no_body(proxy, backend):
    rows = [(b"204 No Content", b"", None), (b"304 Not Modified", b"", None),
            (b"304 Not Modified", b"Content-Length: 99\r\n", "99")]
    with proxy.connect() as client:
        for status, fields, length in rows:
            backend.handler = b"HTTP/1.1 " + status + b"\r\n" + fields + b"\r\n"
            response = client.request()
            assert (response.status, response.header("content-length")) == (int(status[:3]), length)
            assert response.header("transfer-encoding") is None
            backend.handler = ok("after")
            assert client.request().body == b"after"


def test_bytes_behind_an_answer_without_body_poison_nobody(proxy, backend):
    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
    for answer in (b"HTTP/1.1 204 No Content\r\n\r\n", ok("good"), b"HTTP/1.1 304 Not Modified\r\n\r\n"):
        for _ in range(5):
            backend.handler = answer + stray
            with proxy.connect() as client:
                assert client.request().body in (b"", b"good")
                backend.handler = ok("mine")
                assert client.request().body == b"mine"
            assert proxy.ask().body == b"mine"


# Interim answers.

def test_backend_asks_for_the_expected_body(serve, make_raw_backend):
    asked = threading.Event()

    def script(connection):
        request = connection.read_head()
        assert request.header("expect") == "100-continue"
        assert asked.wait(30)
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.stream.read(5) == b"hello"
        connection.send(ok("thanks"))
        connection.wait_end()

    proxy = serve(make_raw_backend(script))
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[("Expect", "100-continue"), ("Content-Length", "5")]))
        asked.set()
        assert client.read_response(skip_interim=False).status == 100
        client.send(b"hello")
        assert client.read_response().text == "thanks"


def test_backend_refuses_the_expected_body(serve, make_raw_backend):
    def script(connection):
        if connection.read_head().method == "GET":
            return connection.send(ok("clean"))
        connection.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        assert connection.wait_end() == b""  # closed without the body, never used for another request
        return None

    backend = make_raw_backend(script)
    proxy = serve(backend)
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[("Expect", "100-continue"), ("Content-Length", "5")]))
        response = client.read_response(skip_interim=False)
        assert (response.status, response.body, response.header("connection")) == (403, b"no", "close")
        assert client.is_closed_by_peer()
    assert proxy.ask().text == "clean"
    backend.check()
    assert backend.num_connections == 2


def test_interim_answers_pass_but_not_to_old_clients(proxy, backend):
    def early(conversation):
        conversation.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok("done"))

    backend.handler = early
    with proxy.connect() as client:
        client.send(request_bytes())
        hints = client.read_response(skip_interim=False)  # nobody asked for the 100
        assert (hints.status, hints.header("link")) == (103, "</a>")
        assert client.read_response().text == "done"
        client.send(request_bytes(version="HTTP/1.0"))
        assert client.read_response(skip_interim=False).text == "done"


def test_answer_before_the_whole_body_is_passed_at_once(serve, make_raw_backend):
    def script(connection):
        request = connection.read_head()
        if request.method == "GET":
            return connection.send(ok("clean"))
        connection.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig")
        return connection.wait_end()

    backend = make_raw_backend(script)
    proxy = serve(backend)
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[("Content-Length", "1000")]) + b"x" * 500)
        response = client.read_response()
        assert (response.status, response.body, response.header("connection")) == (413, b"big", "close")
        # The rest of the body is never read as a request.
        client.send(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" + b"x" * 500)
        assert client.is_closed_by_peer()
    assert proxy.ask().text == "clean"
    assert backend.num_connections == 2


# Fields.

def test_fields_of_a_request(proxy, backend):
    sent = [("Accept", "*/*"), ("X-Twice", "1"), ("X-Twice", "2"), ("X-Empty", ""), ("Cookie", "a=b; c=d"),
            ("Connection", "X-Gone, Keep-Alive"), ("X-Gone", "1"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
            ("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Proto", "https"), ("X-Request-Id", "theirs"),
            ("Forwarded", "for=6.6.6.6"), ("Via", "1.1 theirs"),
            ("X-Latin", "\xe4\xf6")]
    with proxy.connect() as client:
        client.request(target="/p?q", host="Shop.Example.com:8080", headers=sent)
    request, = backend.requests
    assert (request.method, request.target, request.header("host")) == ("GET", "/p?q", "Shop.Example.com:8080")
    got = [(name, value) for name, value in request.headers if not name.lower().startswith(("x-forwarded", "host"))]
    kept = [field for field in sent if field[0] in
            ("Accept", "X-Twice", "X-Empty", "Cookie", "Via", "X-Latin")]
    assert [field for field in got if field[0] != "X-Request-Id"] == kept  # in order, each as it was sent
    assert request.header("x-forwarded-for") == "127.0.0.1"
    assert request.header("x-forwarded-proto") == "http"
    assert request.header("x-forwarded-host") == "Shop.Example.com:8080"
    assert request.header("x-forwarded-port") == "8080"
    request_id = request.header("x-request-id")
    assert len(request_id) == 32 and int(request_id, 16) >= 0
    assert proxy.wait_log(path="/p")["request_id"] == request_id


def test_fields_of_an_answer(proxy, backend):
    backend.handler = ok("x", [("Server", "theirs"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("X-Twice", "1"),
                               ("X-Twice", "2"), ("Connection", "X-Gone"), ("X-Gone", "1"), ("Keep-Alive", "max=5"),
                               ("Proxy-Authenticate", "Basic"), ("Upgrade", "h2c"), ("Set-Cookie", "a=b"),
                               ("Set-Cookie", "c=d")], "299 Quite All Right")
    response = proxy.ask()
    assert (response.status, response.reason) == (299, "Quite All Right")
    assert response.headers == [("server", "theirs"), ("date", "Thu, 01 Jan 1970 00:00:00 GMT"), ("x-twice", "1"),
                                ("x-twice", "2"), ("set-cookie", "a=b"), ("set-cookie", "c=d"),
                                ("content-length", "1")]


def test_nothing_says_via_us(proxy, backend):
    response = proxy.ask()
    assert response.header("via") is None and response.header("server") is None
    assert backend.requests[0].header("via") is None


def test_request_ids_differ(proxy, backend):
    for _ in range(50):
        proxy.ask()
    assert len({r.header("x-request-id") for r in backend.requests}) == 50


def test_requests_without_host_of_http10(proxy, backend):
    with proxy.connect() as client:
        assert client.request(host=None, version="HTTP/1.0").status == 200
    request, = backend.requests
    assert request.header("host") == ""
    assert request.header("x-forwarded-port") == proxy.http.split(":")[1]


def test_methods_pass_as_they_are(proxy, backend):
    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH"]
    with proxy.connect() as client:
        for method in methods:
            assert client.request(method).status == 200
    assert [r.method for r in backend.requests] == methods


# Trailers and order.

def test_trailers_of_a_request(proxy, backend):
    with proxy.connect() as client:
        client.send(request_bytes("POST", headers=[("Transfer-Encoding", "chunked"), ("Trailer", "X-Sum")]))
        client.send(b"5\r\nhello\r\n0\r\nX-Sum: abc\r\nX-More: d\r\n\r\n")
        assert client.read_response().status == 200
    request, = backend.requests
    assert request.trailers == [("X-Sum", "abc"), ("X-More", "d")] and request.header("trailer") == "X-Sum"


def test_trailers_of_an_answer(proxy, backend):
    backend.handler = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
                       b"5\r\nhello\r\n0\r\nX-Sum: abc\r\nContent-Length: 9\r\n\r\n")
    response = proxy.ask()
    assert (response.body, response.trailers) == (b"hello", [("x-sum", "abc")])


def test_pipelined_requests_are_answered_in_order(proxy, backend):
    def echo(conversation):
        request = conversation.request
        conversation.send(ok(f"{request.method} {request.target} {len(request.body)}"))

    backend.handler = echo
    sent = b"".join(request_bytes("POST", f"/{i}", body=b"b" * (i * 37)) + request_bytes(target=f"/{i}")
                    for i in range(200))
    with proxy.connect() as client:
        sender = threading.Thread(target=client.send, args=(sent,))
        sender.start()
        for i in range(200):
            assert client.read_response().text == f"POST /{i} {i * 37}"
            assert client.read_response().text == f"GET /{i} 0"
        sender.join()


def test_half_closed_client_gets_its_answers(proxy, backend):
    release = threading.Event()

    def slow(conversation):
        assert release.wait(30)
        conversation.send(ok(conversation.request.target))

    backend.handler = slow
    with proxy.connect() as client:
        client.send(request_bytes(target="/1"))
        client.sock.shutdown(socket.SHUT_WR)
        backend.wait_requests(1)
        release.set()
        assert client.read_response().text == "/1"
        assert client.is_closed_by_peer()


def test_half_closed_client_gets_answers_to_all_it_sent(proxy):
    with proxy.connect() as client:
        client.send(b"".join(request_bytes(target=f"/{i}") for i in range(20)))
        client.sock.shutdown(socket.SHUT_WR)
        for _ in range(20):
            assert client.read_response().status == 200
        assert client.is_closed_by_peer()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_both_address_families(serve, address):
    backend = Backend(address=address)
    try:
        proxy = serve(backend, address=address)
        assert proxy.ask().status == 200
        assert backend.requests[0].header("x-forwarded-for") == address
        client = "[::1]" if address == "::1" else address
        assert proxy.wait_log(status=200)["upstream"].startswith(f"{client}:")
    finally:
        backend.close()
    with RawClient(proxy.http) as client:
        assert client.request().status == 502
