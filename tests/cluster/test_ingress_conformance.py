"""The features of the Ingress v1 conformance suite (kubernetes-sigs/ingress-controller-conformance, features/*.feature),
restated as tables: default backend, host rules, path rules, ingress class, load balancing."""

import json
from collections import Counter

import pytest
from kube.objects import ingress_class
from kube.site import who
from support.http_client import fetch
from support.manifests import backend_of, path, secret, with_tls
from support.tls_client import HandshakeFailed, TlsClient, client_context
from support.waiting import eventually


def test_default_backend(site, proxyd):
    """default_backend.feature: an Ingress with no rules takes every host and path."""
    site.deploy("echo-service")
    site.create_ingress("default-backend", default_backend=backend_of("echo-service"))
    site.wait({(host, target): "echo-service" for host in ("www.example.test", "default-backend.test")
               for target in ("/", "/path/to/resource", "/sub/path?query=1")})
    answer = json.loads(fetch(proxyd.http, "/path/to/resource", host="my-host",
                              headers=[("X-Custom", "kept")]).body)
    assert answer["path"] == "/path/to/resource" and answer["host"] == "my-host" and answer["method"] == "GET"
    assert answer["headers"]["X-Custom"] == ["kept"] and answer["proto"] == "HTTP/1.1"


def test_host_rules(site, run_proxyd, authority):
    """host_rules.feature: exact and wildcard hosts, with and without TLS; nothing else is answered."""
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0").wait_ready()
    site.deploy("wildcard-foo-com", "foo-bar-com")
    made = authority.make("foo.bar.test", "*.foo.test")
    site.api.create(secret("conformance-tls", made, site.namespace))
    rules = [("*.foo.test", [path("/", "wildcard-foo-com")]), ("foo.bar.test", [path("/", "foo-bar-com")])]
    site.api.create(with_tls(site.ingress("host-rules", rules=rules), "conformance-tls", "foo.bar.test"))
    rows = {"bar.foo.test": "wildcard-foo-com", "foo.bar.test": "foo-bar-com", "baz.bar.foo.test": 404, "foo.test": 404,
            "subdomain.bar.test": 404, "foo.bar.test:8080": "foo-bar-com", "FOO.bar.test": "foo-bar-com"}
    # Who has a certificate is sent to it from plain HTTP.
    plain = {host: 308 if wanted == "foo-bar-com" else wanted for host, wanted in rows.items()}
    site.wait({(host, "/"): wanted for host, wanted in plain.items()})

    def asked_by_tls():
        try:
            with TlsClient(proxyd.address("https-0"), client_context(), "foo.bar.test") as client:
                response = client.request(host="foo.bar.test")
                return client.certificate == made.der and who(response)
        except HandshakeFailed:
            return None

    eventually(lambda: asked_by_tls() == "foo-bar-com", "the answer with the certificate of the Secret")


# path_rules.feature. Per rule: host, path type, path, Service; then what is asked of which and who answers.
PATH_RULES = [
    ("exact-path-rules", "Exact", "/foo", "foo-exact"), ("prefix-path-rules", "Prefix", "/foo", "foo-prefix"),
    ("prefix-path-rules", "Prefix", "/aaa/bbb", "aaa-slash-bbb-prefix"), ("prefix-path-rules", "Prefix", "/aaa", "aaa-prefix"),
    ("mixed-path-rules", "Prefix", "/foo", "foo-prefix"), ("mixed-path-rules", "Exact", "/foo", "foo-exact"),
    ("trailing-slash-path-rules", "Prefix", "/aaa/bbb/", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules", "Exact", "/foo/", "foo-slash-exact"),
    ("specific-path-rules", "ImplementationSpecific", "/foo", "foo-prefix"),
]
PATH_ANSWERS = [
    ("exact-path-rules", "/foo", "foo-exact"), ("exact-path-rules", "/foo/", 404), ("exact-path-rules", "/bar", 404),
    ("exact-path-rules", "/FOO", 404), ("exact-path-rules", "/foo/bar", 404), ("exact-path-rules", "/", 404),
    ("prefix-path-rules", "/foo", "foo-prefix"), ("prefix-path-rules", "/foo/", "foo-prefix"),
    ("prefix-path-rules", "/FOO", 404), ("prefix-path-rules", "/foobar", 404), ("prefix-path-rules", "/", 404),
    ("prefix-path-rules", "/aaa/bbb", "aaa-slash-bbb-prefix"), ("prefix-path-rules", "/aaa/bbb/ccc", "aaa-slash-bbb-prefix"),
    ("prefix-path-rules", "/aaa/bbbccc", "aaa-prefix"), ("prefix-path-rules", "/aaa", "aaa-prefix"),
    ("prefix-path-rules", "/aaa/ccc", "aaa-prefix"), ("prefix-path-rules", "/aaaccc", 404),
    ("mixed-path-rules", "/foo", "foo-exact"), ("mixed-path-rules", "/foo/", "foo-prefix"),
    ("mixed-path-rules", "/foo/bar", "foo-prefix"),
    ("trailing-slash-path-rules", "/aaa/bbb", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules", "/aaa/bbb/", "aaa-slash-bbb-slash-prefix"),
    ("trailing-slash-path-rules", "/foo/", "foo-slash-exact"), ("trailing-slash-path-rules", "/foo", 404),
    ("specific-path-rules", "/foo", "foo-prefix"),
]


def test_path_rules(site, proxyd):
    site.deploy(*{service for *_, service in PATH_RULES})
    for host in {host for host, *_ in PATH_RULES}:
        paths = [path(value, service, path_type=path_type) for owner, path_type, value, service in PATH_RULES if owner == host]
        site.create_ingress(host, host, paths)
    rows = {(host, target): wanted for host, target, wanted in PATH_ANSWERS}
    site.wait(rows)
    assert site.expected(rows) == rows, "the oracle disagrees with the suite"
    assert proxyd.problems() == []


@pytest.mark.parametrize("how", ["field", "annotation", "default"])
def test_ingress_class(site, proxyd, how):
    """ingress_class.feature: ours is served, another's is not; the field, the annotation and the default class say so."""
    site.deploy("app")
    classes = {"field": {"class_name": site.class_name}, "default": {"class_name": None},
               "annotation": {"class_name": None, "annotations": {"kubernetes.io/ingress.class": site.class_name}}}
    if how == "default":
        site.api.delete("IngressClass", None, site.class_name)
        site.api.create(ingress_class(site.class_name, site.controller, is_default=True))
    site.create_ingress("other", "other.test", [path("/", "app")], class_name="some-invalid-class-name")
    site.create_ingress("mine", "mine.test", [path("/", "app")], **classes[how])
    site.wait({("mine.test", "/"): "app", ("other.test", "/"): 404})
    stored = site.api.get("Ingress", site.namespace, "other")
    assert "ingress" not in stored.get("status", {}).get("loadBalancer", {})
    site.api.delete("Ingress", site.namespace, "mine")
    site.wait({("mine.test", "/"): 404})


def test_load_balancing(site, proxyd):
    """load_balancing.feature: 100 requests are spread over the 10 Pods of a Service."""
    site.deploy("app", replicas=10)
    site.create_ingress("path", "load-balancing.test", [path("/", "app")])
    site.wait({("load-balancing.test", "/"): "app"})

    def spread():
        return Counter(json.loads(fetch(proxyd.http, host="load-balancing.test").body)["pod"] for _ in range(100))

    eventually(lambda: len(spread()) == 10, "all Pods to get requests")
