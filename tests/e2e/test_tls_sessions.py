"""TLS sessions that go on (RFC 8446 2.2, RFC 5077): where, and where not."""

import pytest

from support.config_file import secured, single, write_config
from support.tls_client import VERSIONS, TlsClient, client_context


def session_of(proxy, context, name):
    with TlsClient(proxy.http, context, name) as client:
        assert client.request(host=name).status == 200  # tickets of TLS 1.3 come behind the handshake
        assert not client.tls.session_reused
        return client.tls.session


def is_resumed(proxy, context, name, session):
    with TlsClient(proxy.http, context, name, session) as client:
        assert client.request(host=name).status == 200
        return client.tls.session_reused


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_go_on_for_their_host_only(serve_tls, version):
    proxy = serve_tls()
    context = client_context(versions=VERSIONS[version])
    session = session_of(proxy, context, "a.test")
    assert session.has_ticket
    assert is_resumed(proxy, context, "a.test", session)
    assert not is_resumed(proxy, context, "b.test", session)
    assert not is_resumed(proxy, context, "x.wild.test", session)
    assert proxy.metric("proxyd_tls_handshakes_total") == 4
    assert proxy.metric("proxyd_tls_handshakes_resumed_total") == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_any_worker_takes_up_a_session(start, tmp_path, make_backend, listed, version):
    """Of 64 connections every worker of two has some: the kernel deals them out by their ports."""
    backend = make_backend(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    file = write_config(tmp_path / "config", secured(single(backend), listed))
    proxy = start("--config", file, "--workers", "2").wait_ready()
    context = client_context(versions=VERSIONS[version])
    session = session_of(proxy, context, "a.test")
    assert all(is_resumed(proxy, context, "a.test", session) for _ in range(64))
    assert proxy.metric("proxyd_tls_handshakes_resumed_total") == 64
