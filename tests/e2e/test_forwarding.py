"""Who the client is when somebody stands in front: trusted proxies, and those who only say so."""

import pytest

from support.http_client import RawClient
from support.manifests import site

SAID = [("X-Forwarded-For", "6.6.6.6, 192.0.2.7"), ("X-Forwarded-Proto", "https"), ("X-Request-Id", "from-the-edge"),
        ("Forwarded", "for=192.0.2.7"), ("X_Tenant", "a")]


@pytest.fixture
def backend(manifests, make_backend):
    made = make_backend(name="a")
    manifests.write("a.yaml", site("a", "a.test", made))
    return made


def ask(proxy, target):
    assert proxy.ask("a.test", target, headers=SAID).status == 200
    return proxy.wait_log(path=target)


def test_nobody_is_believed_by_default(start, backend):
    entry = ask(start().wait_ready(), "/plain")
    request = backend.requests[-1]
    assert request.header("X-Forwarded-For") == "127.0.0.1"
    assert request.header("X-Forwarded-Proto") == "http"
    assert request.header("Forwarded") is None and request.header("X_Tenant") is None
    assert request.header("X-Request-Id") == entry["request_id"] != "from-the-edge"
    assert entry["client"] == "127.0.0.1" and entry["client_port"] and "peer" not in entry


def test_a_trusted_proxy_is_believed_as_far_as_the_next_stranger(start, backend):
    proxy = start("--trusted-proxies", "10.0.0.0/8,127.0.0.0/8", "--headers-with-underscores", "allow").wait_ready()
    entry = ask(proxy, "/trusted")
    request = backend.requests[-1]
    assert request.header("X-Forwarded-For") == "6.6.6.6, 192.0.2.7, 127.0.0.1"
    assert request.header("X-Forwarded-Proto") == "https"
    assert request.header("X-Forwarded-Port") == "443"
    assert request.header("Forwarded") == 'for=192.0.2.7, for=127.0.0.1;host="a.test";proto=http'
    assert request.header("X-Request-Id") == entry["request_id"] == "from-the-edge"
    assert request.header("X_Tenant") == "a"
    assert entry["client"] == "192.0.2.7" and entry["peer"] == "127.0.0.1" and "client_port" not in entry


def test_trust_is_in_the_peer_and_not_in_what_it_says(start, backend):
    entry = ask(start("--trusted-proxies", "192.0.2.0/24").wait_ready(), "/stranger")
    assert backend.requests[-1].header("X-Forwarded-For") == "127.0.0.1"
    assert entry["client"] == "127.0.0.1"


def test_names_with_underscores_can_be_refused(start, backend):
    proxy = start("--headers-with-underscores", "reject").wait_ready()
    with RawClient(proxy.http) as client:
        client.send(b"GET /no HTTP/1.1\r\nHost: a.test\r\nX_Tenant: a\r\n\r\nGET /after HTTP/1.1\r\nHost: a.test\r\n\r\n")
        assert client.read_response().status == 400
        assert client.is_closed_by_peer()
    assert proxy.wait_log(path="/no")["why"] == "bad_request:underscore_in_name"
    assert backend.requests == []
