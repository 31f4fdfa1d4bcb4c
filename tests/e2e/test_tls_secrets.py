"""Certificates from Secrets of type kubernetes.io/tls, which spec.tls of Ingresses names."""

import base64
import json

import pytest

from support import daemon
from support.backend import ok
from support.http_client import fetch
from support.manifests import endpoint_slice, ingress, path, secret, service, with_tls
from support.tls_client import HandshakeFailed, TlsClient
from support.waiting import eventually

PAGES = ["/generation", "/config", "/problems", "/healthz", "/readyz", "/metrics"]
UNRECOGNIZED_NAME = 112


def web(name="a", host="a.test", secret_name="a-cert", tls_hosts=None, **more):
    """An Ingress of all of `host`, which shows the certificate of the Secret for it."""
    return with_tls(ingress(name, host, [path("/", "web")], **more), secret_name, *(tls_hosts or [host]))


@pytest.fixture
def serve_secrets(start, manifests, make_backend, certificates):
    """serve_secrets(*ingresses, args): proxyd with the Secret a-cert, and web() unless `ingresses` are given."""
    def run(*ingresses, args=()):
        manifests.write("web.yaml", service("web"), endpoint_slice("web", [make_backend(ok())]))
        manifests.write("ingress.yaml", *(ingresses or [web()]))
        manifests.write("secret.yaml", secret("a-cert", certificates["a"]))
        return start("--https", "127.0.0.1:0", *args).wait_ready()

    return run


def shown(proxy, name="a.test"):
    """The certificate for `name`; the number of the alert when there is none."""
    try:
        with TlsClient(proxy.address("https-0"), None, name) as client:
            return client.certificate
    except HandshakeFailed as failure:
        return failure.alert


def wait_shown(proxy, expected, name="a.test"):
    eventually(lambda: shown(proxy, name) == expected, f"{name} to be shown with another certificate")


def is_untold(made, text):
    """Whether nothing of the private key is in `text`: no line of it, also not as the Secret encodes it."""
    lines = [line for line in made.key.splitlines() if "-----" not in line]
    encoded = base64.b64encode(made.key.encode()).decode()
    return not any(line in text for line in lines) and not any(
        encoded[at:at + 24] in text for at in range(40, len(encoded) - 48, 24))


def test_a_secret_is_served_and_redirected_to(serve_secrets, certificates):
    proxy = serve_secrets()
    assert shown(proxy) == certificates["a"].der
    assert shown(proxy, "c.test") == UNRECOGNIZED_NAME
    assert proxy.ask("a.test").status == 308
    assert proxy.problems() == []


def test_a_wildcard_and_the_default_certificate(serve_secrets, manifests, certificates):
    args = ("--default-certificate", "default/default-cert")
    manifests.write("more.yaml", secret("wild-cert", certificates["wild"]),
                    secret("default-cert", certificates["default"]))
    proxy = serve_secrets(web(), web("wild", "*.wild.test", "wild-cert"), args=args)
    assert shown(proxy, "x.wild.test") == certificates["wild"].der
    assert shown(proxy, "c.test") == shown(proxy, None) == certificates["default"].der
    assert shown(proxy) == certificates["a"].der


MALFORMED = {
    "no-pem": lambda made, other: {"chain": "hello", "key": made.key},
    "cut": lambda made, other: {"chain": made.chain[:200], "key": made.key},
    "empty-key": lambda made, other: {"chain": made.chain, "key": ""},
    "key-of-another": lambda made, other: {"chain": made.chain, "key": other.key},
    "key-as-chain": lambda made, other: {"chain": made.key, "key": made.key},
}


@pytest.mark.parametrize("fault", MALFORMED)
def test_a_malformed_secret_keeps_its_last_good_certificate(serve_secrets, manifests, certificates, authority, fault):
    proxy = serve_secrets()
    newest = authority.make("a.test", serial=1000)
    manifests.write("secret.yaml", secret("a-cert", **MALFORMED[fault](newest, certificates["b"])))
    problem = eventually(proxy.problems, "the problem")[0]
    assert problem["severity"] == "error" and "the last good certificate of this Secret stays in use" in problem["why"]
    assert shown(proxy) == certificates["a"].der
    assert is_untold(newest, fetch(proxy.admin, "/problems").text + proxy.stderr_text())
    manifests.write("secret.yaml", secret("a-cert", newest))
    wait_shown(proxy, newest.der)
    eventually(lambda: not proxy.problems(), "the problem to go")


def test_a_secret_that_was_never_good_is_not_served(serve_secrets, manifests, certificates):
    proxy = serve_secrets(web(), web("b", "b.test", "b-cert"))
    manifests.write("b.yaml", secret("b-cert", chain="hello", key=certificates["b"].key))
    eventually(lambda: any(problem["object"]["kind"] == "Secret" for problem in proxy.problems()), "the problem")
    assert shown(proxy, "b.test") == UNRECOGNIZED_NAME
    assert proxy.ask("b.test").status == 200, "a host without a certificate is served plainly"
    assert shown(proxy) == certificates["a"].der


def test_a_secret_that_is_deleted_takes_its_certificate_away(serve_secrets, manifests, certificates):
    proxy = serve_secrets()
    with TlsClient(proxy.address("https-0"), None, "a.test") as client:
        manifests.remove("secret.yaml")
        wait_shown(proxy, UNRECOGNIZED_NAME)
        problem, = eventually(proxy.problems, "the problem")
        assert problem["object"] == {"kind": "Ingress", "namespace": "default", "name": "a"}
        assert problem["field"] == "spec.tls[0].secretName" and "there is no Secret" in problem["why"]
        assert client.request(host="a.test").status == 200, "a connection keeps what it began with"
    proxy.wait_answer("a.test", "/", 200)  # plainly
    manifests.write("secret.yaml", secret("a-cert", certificates["a"]))
    wait_shown(proxy, certificates["a"].der)


def test_secrets_of_another_namespace_are_out_of_reach(serve_secrets, manifests, certificates):
    manifests.write("b.yaml", secret("b-cert", certificates["b"], namespace="other"))
    proxy = serve_secrets(web(), web("b", "b.test", "b-cert"), web("c", "c.test", "other/b-cert"))
    assert shown(proxy, "b.test") == shown(proxy, "c.test") == UNRECOGNIZED_NAME
    assert {problem["object"]["name"] for problem in proxy.problems()} == {"b", "c"}


def test_no_namespace_shows_a_certificate_for_hosts_of_another(serve_secrets, manifests, certificates, authority):
    """Whose Ingress is older has the host."""
    ours = web(creationTimestamp="2026-01-01T00:00:00Z")
    theirs = web("thief", "a.test", "stolen", namespace="other", creationTimestamp="2026-02-01T00:00:00Z")
    manifests.write("other.yaml", theirs, secret("stolen", authority.make("a.test", serial=2000), namespace="other"))
    proxy = serve_secrets(ours)
    assert shown(proxy) == certificates["a"].der
    assert any("host a.test belongs to namespace default" in problem["why"] for problem in proxy.problems())


def test_private_keys_are_shown_nowhere(serve_secrets, manifests, certificates, authority):
    broken = authority.make("b.test", serial=3000)
    manifests.write("more.yaml", secret("b-cert", chain="hello", key=broken.key),
                    secret("unused", certificates["wild"]))
    proxy = serve_secrets(web(), web("b", "b.test", "b-cert"))
    eventually(proxy.problems, "the problem")
    text = "".join(fetch(proxy.admin, page).text for page in PAGES) + proxy.stderr_text()
    certificate, = json.loads(fetch(proxy.admin, "/config").body)["certificates"]
    assert (certificate["name"], certificate["key"]) == ("default/a-cert", "(redacted)")
    checked = daemon.run("check", manifests.root, "-o", "json")
    for made in (certificates["a"], certificates["wild"], broken):
        assert is_untold(made, text + checked.stdout + checked.stderr)
    assert not is_untold(certificates["a"], certificates["a"].key), "it would be found"
    assert not is_untold(certificates["a"], json.dumps(secret("x", certificates["a"])))
