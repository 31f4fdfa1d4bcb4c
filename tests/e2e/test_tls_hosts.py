"""Requests that came by the wrong way: with the certificate of another host (421), or without TLS (308)."""

import pytest

from support.backend import ok
from support.config_file import cluster, config, route, secured, write_config
from support.http_client import RawClient, request_bytes
from support.manifests import endpoint_slice, ingress, path, secret, service, with_tls
from support.tls_client import TlsClient
from support.waiting import eventually


def statuses(proxy, name, hosts):
    """What requests for `hosts` get on one connection that asked for the certificate of `name`."""
    with TlsClient(proxy.http, None, name) as client:
        return {host: client.request(host=host).status for host in hosts}


def test_requests_for_hosts_that_the_certificate_does_not_prove_are_misdirected(serve_tls, make_backend):
    """RFC 9110 7.4, 15.5.20. The connection is none the worse for it."""
    backend = make_backend()
    proxy = serve_tls(backend=backend)
    assert statuses(proxy, "a.test", ["a.test", "b.test", "A.TEST:8443", "c.test", "x.a.test", "a.test"]) == {
        "a.test": 200, "b.test": 421, "A.TEST:8443": 200, "c.test": 421, "x.a.test": 421}
    assert statuses(proxy, "x.wild.test", ["x.wild.test", "y.wild.test", "wild.test", "x.y.wild.test", "a.test"]) == {
        "x.wild.test": 200, "y.wild.test": 200, "wild.test": 421, "x.y.wild.test": 421, "a.test": 421}
    assert {request.header("host") for request in backend.requests} == {
        "a.test", "A.TEST:8443", "x.wild.test", "y.wild.test"}
    entry = proxy.wait_log(status=421)
    assert entry["why"] == "misdirected" and "cluster" not in entry
    eventually(lambda: proxy.metric('proxyd_requests_total{class="4xx"}') == 6, "all to be counted")


def test_the_host_of_an_absolute_target_is_the_one_that_counts(serve_tls):
    proxy = serve_tls()
    with TlsClient(proxy.http, None, "a.test") as client:
        client.send(request_bytes(target="http://b.test/", host="a.test"))
        assert client.read_response().status == 421
    with TlsClient(proxy.http, None, "a.test") as client:
        client.send(request_bytes(target="https://b.test/", host="b.test"))
        assert client.read_response().status == 421
        client.send(request_bytes(target="https://a.test/", host="a.test"))
        assert client.read_response().status == 200


def test_the_default_certificate_serves_all_hosts(serve_tls):
    """A client that goes on in spite of it would come here for each of them."""
    proxy = serve_tls(default_certificate="default")
    for name in (None, "c.test"):
        assert statuses(proxy, name, ["a.test", "b.test", "c.test"]) == {"a.test": 200, "b.test": 200, "c.test": 200}
    assert statuses(proxy, "a.test", ["a.test", "b.test"]) == {"a.test": 200, "b.test": 421}


@pytest.fixture
def redirecting(serve, make_backend, listed):
    """redirecting(**listener): a plain listener, http-0, and one with TLS, https-0, whose only rule wants TLS."""
    def run(**listener):
        backend = make_backend(ok())
        value = config([cluster("only", backend)], [route("all", "only", plain_requests="redirect")])
        plain = {**value["listeners"][0], **listener}
        secure = {**secured(value, listed)["listeners"][0], "name": "https-0"}
        proxy = serve({**value, "listeners": [plain, secure], "certificates": listed})
        proxy.backend = backend
        return proxy

    return run


def location(proxy, target="/", host="a.test", **request):
    response = proxy.ask(host, target, **request)
    assert response.status == 308, response
    return response.header("location")


def test_plain_requests_are_sent_to_the_same_place_under_https(redirecting):
    proxy = redirecting()
    assert location(proxy) == "https://a.test/"
    assert location(proxy, "/a/b%20c?q=1&r=a%2Fb?") == "https://a.test/a/b%20c?q=1&r=a%2Fb?"
    assert location(proxy, "/?") == "https://a.test/?"
    assert location(proxy, host="a.test:8080") == "https://a.test/"
    assert location(proxy, method="POST", body=b"kept by 308") == "https://a.test/"
    assert location(proxy, host="[::1]:8080") == "https://[::1]/"
    assert location(proxy, "*", method="OPTIONS") == "https://a.test"
    assert location(proxy, "//evil.test/x").startswith("https://a.test/")
    assert proxy.backend.requests == []
    assert proxy.wait_log(status=308)["why"] == "https_redirect"
    assert proxy.metric("proxyd_https_redirects_total") == 8
    with TlsClient(proxy.address("https-0"), None, "a.test") as client:
        assert client.request(host="a.test").body == b"ok\n"


def test_the_connection_goes_on_behind_a_redirect(redirecting):
    proxy = redirecting()
    with proxy.connect() as client:
        for number in range(3):
            response = client.request(target=f"/{number}", host="a.test")
            assert (response.status, response.header("location")) == (308, f"https://a.test/{number}")
        # But what had been a body is nothing to go on with.
        response = client.request("POST", "/body", host="a.test", body=b"x" * 100)
        assert (response.header("location"), response.header("connection")) == ("https://a.test/body", "close")
        assert client.is_closed_by_peer()


def test_redirects_name_the_https_port(redirecting):
    proxy = redirecting(https_port=8443)
    assert location(proxy, "/x", host="a.test:80") == "https://a.test:8443/x"


def test_challenges_of_acme_are_answered_without_tls(redirecting):
    proxy = redirecting()
    assert proxy.ask("a.test", "/.well-known/acme-challenge/token").status == 200
    for target in ("/.well-known/acme-challenge", "/.well-known/acme-challenge/../x", "/x/.well-known/acme-challenge/y",
                   "/.well-known/acme-challenges/x"):
        assert location(proxy, target).startswith("https://a.test/")
    assert [request.target for request in proxy.backend.requests] == ["/.well-known/acme-challenge/token"]


def test_only_a_trusted_proxy_can_say_that_it_was_https(redirecting):
    said = [("X-Forwarded-Proto", "https")]
    assert location(redirecting(), headers=said) == "https://a.test/"
    proxy = redirecting(trusted_proxies=["127.0.0.0/8"])
    assert proxy.ask("a.test", headers=said).status == 200
    assert proxy.backend.requests[0].header("x-forwarded-proto") == "https"
    assert location(proxy) == "https://a.test/"
    assert location(proxy, headers=[("X-Forwarded-Proto", "http")]) == "https://a.test/"


def test_a_request_without_a_host_cannot_be_sent_anywhere(redirecting):
    proxy = redirecting()
    with RawClient(proxy.http) as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.read_response().status == 400
    assert proxy.backend.requests == []


def write_sites(manifests, backend, certificates):
    """Two hosts of one Service: a.test with a certificate, and plain.test without."""
    manifests.write("sites.yaml", service("web"), endpoint_slice("web", [backend]),
                    with_tls(ingress("a", "a.test", [path("/", "web")]), "a-cert", "a.test"),
                    ingress("plain", "plain.test", [path("/", "web")]))
    manifests.write("secrets.yaml", secret("a-cert", certificates["a"]))


def test_ingresses_with_tls_redirect_and_others_do_not(start, manifests, make_backend, certificates):
    write_sites(manifests, make_backend(ok()), certificates)
    proxy = start("--https", "127.0.0.1:0", "--https-public-port", "8443").wait_ready()
    assert location(proxy, "/x?y=1") == "https://a.test:8443/x?y=1"
    assert proxy.ask("plain.test").status == 200
    with TlsClient(proxy.address("https-0"), None, "a.test") as client:
        assert client.certificate == certificates["a"].der
        assert client.request(host="a.test").status == 200
        assert client.request(host="plain.test").status == 421


def test_ssl_redirect_may_be_turned_off_for_all_or_one(start, manifests, make_backend, certificates):
    backend = make_backend(ok())
    write_sites(manifests, backend, certificates)
    proxy = start("--https", "127.0.0.1:0", "--ssl-redirect=false").wait_ready()
    assert proxy.ask("a.test").status == 200
    annotations = {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}
    manifests.write("sites.yaml", service("web"), endpoint_slice("web", [backend]),
                    with_tls(ingress("a", "a.test", [path("/", "web")], annotations=annotations), "a-cert", "a.test"))
    proxy = start("--https", "127.0.0.1:0").wait_ready()
    assert proxy.ask("a.test").status == 200
