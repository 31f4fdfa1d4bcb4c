"""Which protocol backends are spoken to in: as the cluster says, or as they choose."""

import subprocess

import pytest

from support.backend import ok
from support.http_client import fetch
from support.tls_backend import TlsBackend, server_context
from support.together import together


@pytest.fixture
def make_tls_context(authority, tmp_path):
    def make(*protocols):
        context = server_context(authority.make("backend.test"), tmp_path / "tls")
        context.set_alpn_protocols(list(protocols))
        return context

    return make


class TestNegotiation:
    @pytest.fixture
    def tls(self, authority):
        return {"server_name": "backend.test", "ca_bundle": authority.root.chain}

    def test_the_backend_chooses(self, serve, make_http2_backend, make_tls_context, tls):
        backend = make_http2_backend(context=make_tls_context("h2", "http/1.1"))
        proxy = serve(backend, {"protocol": "auto", "tls": tls})
        answers = together(10, lambda _: fetch(proxy.http, host="a.test"))
        assert [answer.status for answer in answers] == [200] * 10
        assert set(backend.protocols) == {"h2"}
        assert backend.requests[0].header(":scheme") == "https"
        proxy.ask("a.test")
        assert backend.num_connections <= 10

    def test_http1_where_the_backend_has_no_other(self, serve, make_backend, authority, tmp_path, tls):
        backend = TlsBackend(server_context(authority.make("backend.test"), tmp_path / "one"), ok())
        proxy = serve(backend, {"protocol": "auto", "tls": tls})
        assert proxy.ask("a.test").status == 200
        assert proxy.ask("a.test").status == 200
        assert [handshake.protocol for handshake in backend.handshakes] == ["http/1.1"]
        backend.close()

    def test_a_backend_without_the_protocol_of_its_cluster_is_a_502(self, serve, authority, tmp_path, tls):
        backend = TlsBackend(server_context(authority.make("backend.test"), tmp_path / "one"), ok())
        proxy = serve(backend, {"protocol": "http2", "tls": tls})
        assert proxy.ask("a.test").status == 502
        assert proxy.wait_log(status=502)["why"].startswith("upstream_tls")
        backend.close()

    def test_without_tls_auto_is_http1(self, serve, make_backend):
        proxy = serve(make_backend(ok(b"one")), {"protocol": "auto"})
        assert proxy.ask("a.test").body == b"one"


class TestHealth:
    def test_probes_speak_http2(self, serve2, make_http2_backend):
        backend = make_http2_backend(lambda conversation: conversation.answer(status=503))
        proxy = serve2(backend, health_check={"path": "/health", "interval_ms": 20, "unhealthy_threshold": 1},
                       panic_threshold_percent=0)
        backend.wait_until(lambda: any(request.target == "/health" for request in backend.requests))
        proxy.wait_metric('proxyd_endpoints{cluster="only",state="unhealthy"}', 1)


class TestBothSides:
    def test_http2_all_the_way(self, serve2, make_http2_backend):
        backend = make_http2_backend(lambda conversation: conversation.answer(conversation.request.body))
        proxy = serve2(backend)
        done = subprocess.run(["curl", "-sS", "--http2-prior-knowledge", "-d", "hello", "-w", " %{http_version} %{http_code}",
                               f"http://{proxy.http}/"], capture_output=True, timeout=60, check=True)
        assert done.stdout == b"hello 2 200"
