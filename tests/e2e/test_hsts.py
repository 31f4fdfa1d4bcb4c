"""Strict-Transport-Security (RFC 6797): over TLS only, once, and in place of what the backend says."""

import subprocess

import pytest

from support.backend import ok
from support.config_file import cluster, config, route, secured
from support.http_client import RawClient, to_address
from support.manifests import endpoint_slice, ingress, path, secret, service, with_tls
from support.tls_client import TlsClient

NAME = "Strict-Transport-Security"
OF_BACKEND = ok(b"ok\n", headers=[("strict-transport-security", "max-age=1"), ("STRICT-Transport-Security", "max-age=2")])


def told(client, host="a.test", target="/"):
    """All that one response says of it."""
    return client.request(target=target, host=host).headers_named(NAME)


@pytest.fixture
def serve_hsts(serve, make_backend, listed):
    """serve_hsts(answer, **rule): a listener with TLS and a plain one, http-plain, before the same rule."""
    def run(answer=None, **rule):
        backend = make_backend(answer or ok())
        value = secured(config([cluster("only", backend)], [route("all", "only", host="a.test", **rule)]), listed)
        plain = {"name": "http-plain", "address": "127.0.0.1"}
        return serve({**value, "listeners": [*value["listeners"], plain]})

    return run


@pytest.mark.parametrize("hsts, text", [
    ({}, "max-age=31536000"),
    ({"max_age_s": 0}, "max-age=0"),
    ({"max_age_s": 315_360_000, "scope": "subdomains"}, "max-age=315360000; includeSubDomains"),
    ({"max_age_s": 63_072_000, "scope": "preload"}, "max-age=63072000; includeSubDomains; preload"),
])
def test_responses_over_tls_say_it_instead_of_the_backend(serve_hsts, hsts, text):
    proxy = serve_hsts(OF_BACKEND, hsts=hsts)
    with TlsClient(proxy.http, None, "a.test") as client:
        for _ in range(3):
            assert told(client) == [text]
    with RawClient(proxy.address("http-plain")) as client:
        assert told(client) == ["max-age=1", "max-age=2"], "what came without TLS is left alone"


def test_http_2_says_it_once_too(serve_hsts):
    proxy = serve_hsts(OF_BACKEND, hsts={"scope": "subdomains"})
    port = to_address(proxy.http)[1][1]
    command = ["curl", "-sSki", "--http2", "--resolve", f"a.test:{port}:127.0.0.1", f"https://a.test:{port}/"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert answer.startswith("HTTP/2 200")
    said = [line for line in answer.splitlines() if line.lower().startswith(NAME.lower())]
    assert said == ["strict-transport-security: max-age=31536000; includeSubDomains"]


def test_unset_leaves_it_to_the_backend(serve_hsts):
    for answer, expected in [(OF_BACKEND, ["max-age=1", "max-age=2"]), (ok(), [])]:
        proxy = serve_hsts(answer)
        with TlsClient(proxy.http, None, "a.test") as client:
            assert told(client) == expected


def test_our_own_answers_say_it_too_where_a_rule_is_known(serve, listed):
    value = config([cluster("none")], [route("all", "none", host="a.test", hsts={})])
    proxy = serve(secured(value, listed, default_certificate="default"))
    with TlsClient(proxy.http, None, "a.test") as client:
        response = client.request(host="a.test")
        assert (response.status, response.header(NAME)) == (503, "max-age=31536000")
    with TlsClient(proxy.http, None, "c.test") as client:
        response = client.request(host="c.test")
        assert (response.status, response.header(NAME)) == (404, None)


@pytest.fixture
def serve_ingress(start, manifests, make_backend, certificates):
    """serve_ingress(*args): a.test with a certificate and d.test without, before one backend that has its own idea."""
    def run(*args):
        manifests.write("web.yaml", service("web"), endpoint_slice("web", [make_backend(OF_BACKEND)]),
                        with_tls(ingress("a", "a.test", [path("/", "web")]), "a-cert", "a.test"),
                        ingress("d", "d.test", [path("/", "web")]))
        manifests.write("secret.yaml", secret("a-cert", certificates["a"]), secret("default-cert", certificates["default"]))
        return start("--https", "127.0.0.1:0", "--default-certificate", "default/default-cert", *args).wait_ready()

    return run


@pytest.mark.parametrize("args, expected", [
    ((), ["max-age=31536000"]),
    (("--ssl-redirect=false",), ["max-age=31536000"]),
    (("--hsts-max-age", "60", "--hsts-scope", "subdomains"), ["max-age=60; includeSubDomains"]),
    (("--hsts=false",), ["max-age=1", "max-age=2"]),
])
def test_hosts_of_an_ingress_with_a_certificate_say_it(serve_ingress, args, expected):
    proxy = serve_ingress(*args)
    with TlsClient(proxy.address("https-0"), None, "a.test") as client:
        assert told(client) == expected
    with TlsClient(proxy.address("https-0"), None, "d.test") as client:
        assert told(client, host="d.test") == ["max-age=1", "max-age=2"], "there is no certificate for that host"
