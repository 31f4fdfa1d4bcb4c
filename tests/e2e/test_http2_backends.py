"""HTTP/2 to backends: what they are sent, how streams share connections, and what becomes of those that end early."""

import socket
import threading

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from support.backend import ok
from support.http_client import fetch
from support.together import together
from support.waiting import eventually

LARGE = bytes(range(256)) * 8192  # 2 MB


class TestMessages:
    def test_the_head_is_that_of_the_request(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        proxy = serve2(backend)
        answer = fetch(proxy.http, "/a%20b?x=1&y", host="a.test:81",
                       headers=[("X-Mixed", "One"), ("Cookie", "a=1; b=2"), ("Connection", "X-Gone"), ("X-Gone", "1"),
                                ("TE", "trailers")])
        assert (answer.status, answer.body) == (200, b"ok\n")
        request = backend.wait_requests(1)[0]
        pseudo = [field for field in request.fields if field[0].startswith(":")]
        assert sorted(pseudo) == [(":authority", "a.test:81"), (":method", "GET"), (":path", "/a%20b?x=1&y"),
                                  (":scheme", "http")]
        assert request.fields[:len(pseudo)] == pseudo
        assert request.header("x-mixed") == "One"
        names = [name for name, _ in request.fields]
        assert not set(names) & {"host", "connection", "x-gone", "transfer-encoding", "keep-alive"}
        assert all(name == name.lower() for name in names)

    @pytest.mark.parametrize("size", [0, 1, 70_000, len(LARGE)])
    def test_bodies_pass_both_ways(self, serve2, make_http2_backend, size):
        backend = make_http2_backend(lambda conversation: conversation.answer(conversation.request.body))
        answer = fetch(serve2(backend).http, "/", "POST", host="a.test", body=LARGE[:size])
        assert (answer.status, answer.header("content-length")) == (200, str(size))
        assert answer.body == LARGE[:size]
        assert backend.requests[0].header("content-length") == str(size)

    def test_bodies_without_a_length_and_trailers_pass_both_ways(self, serve2, make_http2_backend):
        def handler(conversation):
            conversation.head(200, [("trailer", "x-sum")])
            conversation.body(conversation.request.body)
            conversation.trailers([("x-sum", "9")])

        backend = make_http2_backend(handler)
        with serve2(backend).connect() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\nTE: trailers\r\n"
                        b"\r\n5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n")
            answer = client.read_response("POST")
        assert (answer.status, answer.body, answer.trailers) == (200, b"hello", [("x-sum", "9")])
        request = backend.requests[0]
        assert (request.body, request.trailers) == (b"hello", [("x-t", "1")])
        assert request.header("content-length") is None

    @pytest.mark.parametrize("method,status", [("HEAD", 200), ("GET", 204), ("GET", 304)])
    def test_answers_without_a_body(self, serve2, make_http2_backend, method, status):
        headers = [("content-length", "5")] if status != 204 else []
        backend = make_http2_backend(lambda conversation: conversation.head(status, headers, end=True))
        with serve2(backend).connect() as client:
            for _ in range(2):
                assert client.request(method, "/", host="a.test").status == status

    def test_interim_answers_pass(self, serve2, make_http2_backend):
        def handler(conversation):
            conversation.head(103, [("link", "</a.css>; rel=preload")])
            conversation.answer(b"final")

        with serve2(make_http2_backend(handler)).connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            hint = client.read_head()
            assert (hint.status, hint.header("link")) == (103, "</a.css>; rel=preload")
            assert client.read_response().body == b"final"

    def test_100_continue_is_the_backends(self, serve2, make_http2_backend):
        def handler(conversation):
            conversation.head(100)
            conversation.wait_body(4)
            conversation.answer(conversation.request.body)

        with serve2(make_http2_backend(handler, early=True)).connect() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
            assert client.read_head().status == 100
            client.send(b"body")
            assert client.read_response("POST").body == b"body"

    def test_an_answer_may_come_before_the_request_is_complete(self, serve2, make_http2_backend):
        backend = make_http2_backend(lambda conversation: conversation.answer(b"early", 413), early=True)
        proxy = serve2(backend)
        with proxy.connect() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 1000000\r\n\r\nabc")
            assert client.read_response("POST").status == 413
        assert proxy.ask("a.test").status == 413
        assert backend.num_connections == 1

    def test_an_upgrade_is_not_offered(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        answer = fetch(serve2(backend).http, headers=[("Connection", "Upgrade"), ("Upgrade", "websocket")])
        assert answer.status == 200
        assert backend.requests[0].header("upgrade") is None


class TestSharing:
    def test_requests_share_a_connection(self, serve2, make_http2_backend):
        everybody = threading.Barrier(40, timeout=30)

        def handler(conversation):
            everybody.wait()
            conversation.answer(conversation.request.target.encode())

        backend = make_http2_backend(handler)
        proxy = serve2(backend)
        answers = together(40, lambda number: fetch(proxy.http, f"/{number}", host="a.test"))
        assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(40)]
        assert backend.num_connections == 1

    def test_the_peers_limit_spreads_them(self, serve2, make_http2_backend):
        everybody = threading.Barrier(6, timeout=30)
        is_first = threading.Event()

        def handler(conversation):
            if is_first.is_set():
                everybody.wait()
            conversation.answer()

        backend = make_http2_backend(handler, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2})
        proxy = serve2(backend)
        assert proxy.ask("a.test").status == 200  # its SETTINGS are known
        is_first.set()
        answers = together(6, lambda number: fetch(proxy.http, host="a.test"))
        assert [answer.status for answer in answers] == [200] * 6
        assert backend.num_connections >= 3

    def test_our_own_limit_spreads_them(self, serve2, make_http2_backend):
        everybody = threading.Barrier(6, timeout=30)

        def handler(conversation):
            everybody.wait()
            conversation.answer()

        backend = make_http2_backend(handler)
        proxy = serve2(backend, http2={"max_streams": 3})
        assert [answer.status for answer in together(6, lambda _: fetch(proxy.http, host="a.test"))] == [200] * 6
        assert backend.num_connections == 2

    def test_a_stream_that_is_not_read_stalls_only_itself(self, serve2, make_http2_backend):
        def handler(conversation):
            conversation.answer(LARGE * 16 if conversation.request.target == "/large" else b"small")

        backend = make_http2_backend(handler)
        proxy = serve2(backend)
        with proxy.connect() as slow, proxy.connect() as quick:
            slow.send(b"GET /large HTTP/1.1\r\nHost: a.test\r\n\r\n")
            head = slow.read_head()
            for _ in range(20):
                assert quick.request("GET", "/small", host="a.test").body == b"small"
            slow.read_body(head)
            assert head.body == LARGE * 16
        assert backend.num_connections == 1

    def test_a_backend_that_does_not_read_pauses_the_client(self, serve2, make_http2_backend):
        backend = make_http2_backend(early=True, reads=False,
                                     handler=lambda conversation: conversation.wait_gone())
        proxy = serve2(backend)
        with proxy.connect() as client:
            client.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000\r\n\r\n")
            client.sock.settimeout(2)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 100_000_000:
                    sent += client.sock.send(LARGE)
            assert sent < 50_000_000

    def test_connections_are_closed_when_idle(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        proxy = serve2(backend, timeouts={"idle_connection_ms": 50})
        assert proxy.ask("a.test").status == 200
        eventually(lambda: backend.connections[0].is_over, "the connection ends")
        assert proxy.ask("a.test").status == 200
        assert backend.num_connections == 2

    def test_a_connection_serves_no_more_requests_than_it_may(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        proxy = serve2(backend, limits={"max_requests_per_connection": 2})
        with proxy.connect() as client:
            for _ in range(6):
                assert client.request(host="a.test").status == 200
        assert backend.num_connections == 3

    def test_one_connection_may_be_all_there_is(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        proxy = serve2(backend, circuit_breakers={"max_connections": 1}, http2={"max_streams": 2})
        answers = together(30, lambda _: fetch(proxy.http, host="a.test"))
        assert [answer.status for answer in answers] == [200] * 30
        assert backend.num_connections == 1

    def test_connections_are_opened_ahead(self, serve2, make_http2_backend):
        backend = make_http2_backend()
        proxy = serve2(backend, limits={"preconnect": 1})
        proxy.wait_metric("proxyd_upstream_preconnects_total", 1)
        assert proxy.ask("a.test").status == 200
        assert backend.num_connections == 1


class TestEnds:
    def test_a_reset_before_the_head_is_a_502(self, serve2, make_http2_backend):
        backend = make_http2_backend(lambda conversation: conversation.reset(ErrorCodes.INTERNAL_ERROR))
        proxy = serve2(backend)
        assert proxy.ask("a.test").status == 502
        assert proxy.wait_log(status=502)["why"] == "upstream_reset:stream_reset"
        assert len(backend.requests) == 1

    def test_a_reset_in_the_body_cuts_the_answer(self, serve2, make_http2_backend):
        has_come = threading.Event()

        def handler(conversation):
            conversation.head(200, [("content-length", "100")])
            conversation.body(b"half")
            assert has_come.wait(30)
            conversation.reset()

        with serve2(make_http2_backend(handler)).connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
            answer = client.read_head()
            has_come.set()
            client.read_body(answer)
            assert (answer.status, answer.is_whole) == (200, False)

    @pytest.mark.parametrize("method,body", [("GET", None), ("POST", b""), ("POST", b"x" * 20_000)])
    def test_what_was_refused_is_sent_again(self, serve2, make_http2_backend, method, body):
        def handler(conversation):
            if len(backend.requests) == 1:
                conversation.reset(ErrorCodes.REFUSED_STREAM)
            else:
                conversation.answer(conversation.request.body)

        backend = make_http2_backend(handler)
        answer = fetch(serve2(backend).http, method=method, host="a.test", body=body)
        assert (answer.status, answer.body) == (200, body or b"")
        assert len(backend.requests) == 2

    @pytest.mark.parametrize("method", ["GET", "POST"])
    def test_what_a_goaway_left_out_is_sent_again(self, serve2, make_http2_backend, method):
        def handler(conversation):
            if conversation.request.connection == 0:
                conversation.goaway(last_stream=0)
            else:
                conversation.answer()

        backend = make_http2_backend(handler)
        assert fetch(serve2(backend).http, method=method, host="a.test").status == 200
        assert backend.num_connections == 2

    def test_what_a_goaway_lets_in_is_answered(self, serve2, make_http2_backend):
        def handler(conversation):
            if conversation.request.connection == 0:
                conversation.connection.say(lambda h2: conversation.connection.sock.sendall(
                    b"\0\0\x08\7\0\0\0\0\0" + conversation.request.stream.to_bytes(4, "big") + bytes(4)))
            conversation.answer(str(conversation.request.connection).encode())

        backend = make_http2_backend(handler)
        proxy = serve2(backend)
        assert proxy.ask("a.test").body == b"0"
        assert proxy.ask("a.test").body == b"1"
        eventually(lambda: backend.connections[0].is_over, "the connection ends")

    def test_a_kept_connection_that_breaks_is_replaced(self, serve2, make_http2_backend):
        def handler(conversation):
            if conversation.request.target == "/break" and conversation.request.connection == 0:
                conversation.close()
            else:
                conversation.answer()

        backend = make_http2_backend(handler)
        proxy = serve2(backend)
        assert proxy.ask("a.test").status == 200
        assert fetch(proxy.http, "/break", host="a.test").status == 200
        assert backend.num_connections == 2

    def test_a_client_that_goes_resets_its_stream_alone(self, serve2, make_http2_backend):
        def handler(conversation):
            if conversation.request.target == "/held":
                conversation.wait_gone()
            else:
                conversation.answer()

        backend = make_http2_backend(handler)
        proxy = serve2(backend)
        with proxy.connect() as client:
            client.send(b"GET /held HTTP/1.1\r\nHost: a.test\r\n\r\n")
            held = backend.wait_requests(1)[0]
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        backend.wait_until(lambda: held.reset_code is not None)
        assert held.reset_code == ErrorCodes.CANCEL
        assert proxy.ask("a.test").status == 200
        assert backend.num_connections == 1

    def test_a_backend_that_speaks_http1_only_is_a_502(self, serve2, make_backend):
        proxy = serve2(make_backend(ok()))
        assert proxy.ask("a.test").status == 502
        assert proxy.wait_log(status=502)["why"] == "bad_response:not_http2"

    def test_a_malformed_head_is_a_502(self, serve2, make_http2_backend):
        backend = make_http2_backend(lambda conversation: conversation.head(200, [("connection", "close")], end=True))
        proxy = serve2(backend)
        assert proxy.ask("a.test").status == 502
        assert proxy.wait_log(status=502)["why"].startswith("bad_response")

    def test_a_silent_backend_is_a_504_and_gets_no_more_on_that_connection(self, serve2, make_http2_backend):
        def handler(conversation):
            if conversation.request.connection > 0:
                conversation.answer()

        backend = make_http2_backend(handler)
        proxy = serve2(backend, timeouts={"response_head_ms": 1500})
        assert proxy.ask("a.test").status == 504
        assert proxy.ask("a.test").status == 200
        assert backend.num_connections == 2
