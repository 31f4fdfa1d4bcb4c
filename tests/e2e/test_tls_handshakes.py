"""TLS handshakes from outside: which certificate, which version, which alert."""

import ssl
import subprocess
import warnings

import pytest

from support.config_file import secured, single, write_config
from support.daemon import run
from support.http_client import fetch, to_address
from support.tls_client import VERSIONS, HandshakeFailed, TlsClient, client_context
from support.waiting import eventually

# Alerts (RFC 8446 6, RFC 6066 3, RFC 7301 3.2).
HANDSHAKE_FAILURE, PROTOCOL_VERSION, UNRECOGNIZED_NAME, NO_APPLICATION_PROTOCOL = 40, 70, 112, 120


def alert_of(proxy, **client):
    """The alert that ends the handshake."""
    with pytest.raises(HandshakeFailed) as failure:
        TlsClient(proxy.http, **client).close()
    return failure.value.alert


def certificate_for(proxy, name, context=None):
    with TlsClient(proxy.http, context, name) as client:
        assert client.request(host=name or "a.test").status in (200, 421)
        return client.certificate


@pytest.mark.parametrize("version", VERSIONS)
def test_the_name_that_is_asked_for_has_its_certificate(serve_tls, certificates, authority, version):
    proxy = serve_tls()
    context = client_context(authority, VERSIONS[version])  # verifies the name too
    for name, expected in [("a.test", "a"), ("A.Test", "a"), ("b.test", "b"), ("x.wild.test", "wild")]:
        with TlsClient(proxy.http, context, name) as client:
            assert client.certificate == certificates[expected].der
            assert client.tls.version() == f"TLSv{version}"
            assert client.request(host=name).body == b"ok\n"
    assert proxy.metric("proxyd_tls_handshakes_total") == 4
    assert proxy.metric("proxyd_tls_handshake_failures_total") == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_names_without_a_certificate_end_with_unrecognized_name(serve_tls, version):
    proxy = serve_tls()
    context = client_context(versions=VERSIONS[version])
    names = ["c.test", "wild.test", "x.y.wild.test", "default.test", None]
    for name in names:
        assert alert_of(proxy, context=context, server_name=name) == UNRECOGNIZED_NAME, name
    eventually(lambda: proxy.metric("proxyd_tls_handshake_failures_total") == len(names), "all to be counted")
    assert proxy.metric("proxyd_tls_handshakes_total") == 0
    assert proxy.metric('proxyd_requests_total{class="4xx"}') == 0


def test_the_default_certificate_is_for_all_other_names(serve_tls, certificates):
    proxy = serve_tls(default_certificate="default")
    for name in ("c.test", "x.y.wild.test", None):
        assert certificate_for(proxy, name) == certificates["default"].der
    assert certificate_for(proxy, "a.test") == certificates["a"].der


def test_an_exact_name_comes_before_a_wildcard(serve_tls, authority):
    exact, wild = authority.make("x.wild.test"), authority.make("*.wild.test")
    for order in ([exact.config("exact", "x.wild.test"), wild.config("wild", "*.wild.test")],
                  [wild.config("a-wild", "*.wild.test"), exact.config("exact", "x.wild.test")]):
        proxy = serve_tls(order)
        assert certificate_for(proxy, "x.wild.test") == exact.der
        assert certificate_for(proxy, "y.wild.test") == wild.der


def test_the_clients_algorithms_decide_between_ecdsa_and_rsa(serve_tls, authority):
    ecdsa, rsa = authority.make("both.test"), authority.make("both.test", key="rsa")
    proxy = serve_tls([rsa.config("0-rsa", "both.test"), ecdsa.config("1-ecdsa", "both.test")])
    for ciphers, expected in [("ECDHE-ECDSA-AES128-GCM-SHA256", ecdsa), ("ECDHE-RSA-AES128-GCM-SHA256", rsa),
                              ("ECDHE-RSA-CHACHA20-POLY1305", rsa),
                              ("ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256", ecdsa)]:
        context = client_context(authority, VERSIONS["1.2"], ciphers)
        assert certificate_for(proxy, "both.test", context) == expected.der, ciphers
    assert certificate_for(proxy, "both.test", client_context(authority, VERSIONS["1.3"])) == ecdsa.der
    # No forward secrecy, and no AEAD.
    for ciphers in ("AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA"):
        context = client_context(versions=VERSIONS["1.2"], ciphers=ciphers)
        assert alert_of(proxy, context=context, server_name="both.test") == HANDSHAKE_FAILURE


def test_old_versions_are_refused(serve_tls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        old = client_context(versions=(ssl.TLSVersion.TLSv1_1,) * 2, ciphers="DEFAULT:@SECLEVEL=0")
    only12, only13 = (client_context(versions=pair) for pair in VERSIONS.values())
    assert alert_of(serve_tls(), context=old, server_name="a.test") == PROTOCOL_VERSION
    newest = serve_tls(min_version="1.3")
    assert alert_of(newest, context=only12, server_name="a.test") == PROTOCOL_VERSION
    TlsClient(newest.http, only13, "a.test").close()
    oldest = serve_tls(max_version="1.2")
    assert alert_of(oldest, context=only13, server_name="a.test") == PROTOCOL_VERSION
    with TlsClient(oldest.http, None, "a.test") as client:
        assert client.tls.version() == "TLSv1.2"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode, selections, refused", [
    ("on", [(["http/1.1"], "http/1.1"), (["http/1.1", "h2"], "h2"), (["h2"], "h2"), (None, None)], ["http/1.0", "acme-tls/1"]),
    ("off", [(["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (None, None)], ["h2"]),
])
def test_alpn_selects_what_is_ours_or_ends_the_handshake(serve_tls, version, mode, selections, refused):
    proxy = serve_tls(settings={"http2": {"mode": mode}})
    for offered, selected in selections:
        context = client_context(versions=VERSIONS[version], protocols=offered)
        with TlsClient(proxy.http, context, "a.test") as client:
            assert client.tls.selected_alpn_protocol() == selected
            if selected != "h2":
                assert client.request(host="a.test").body == b"ok\n"
    context = client_context(versions=VERSIONS[version], protocols=refused)
    assert alert_of(proxy, context=context, server_name="a.test") == NO_APPLICATION_PROTOCOL


def test_curl_verifies_and_is_answered(serve_tls, authority):
    proxy = serve_tls()
    port = to_address(proxy.http)[1][1]
    command = ["curl", "-sS", "--http1.1", "--cacert", authority.root_file, "--resolve", f"a.test:{port}:127.0.0.1"]
    answer = subprocess.run([*command, f"https://a.test:{port}/"], capture_output=True, timeout=60, check=False)
    assert (answer.returncode, answer.stdout) == (0, b"ok\n"), answer.stderr


def test_an_expired_certificate_is_served_with_a_warning(serve_tls, authority):
    """Better than none: clients say what is wrong with it."""
    expired = authority.make("a.test", days=-1)
    proxy = serve_tls([expired.config("old", "a.test")])
    assert certificate_for(proxy, "a.test") == expired.der
    problem, = proxy.problems()
    assert (problem["severity"], problem["field"]) == ("warning", "certificates[0].chain")
    assert problem["why"].startswith("the certificate expired on ")
    with pytest.raises(HandshakeFailed, match="expired"):
        TlsClient(proxy.http, client_context(authority), "a.test").close()


def test_a_key_of_another_certificate_refuses_the_configuration(serve_tls, certificates, tmp_path, make_backend):
    mixed = {**certificates["b"].config("mixed", "b.test"), "key": certificates["a"].key}
    proxy = serve_tls(default_certificate="default")
    assert proxy.problems() == []
    file = write_config(tmp_path / "config", secured(single(make_backend()), [mixed]))
    problem, = eventually(proxy.problems, "the problem")
    assert problem["field"] == "certificates[0].key" and problem["severity"] == "error"
    assert problem["why"] == "the private key does not belong to the first certificate of the chain"
    assert certificate_for(proxy, "b.test") == certificates["b"].der, "the last good configuration stays"
    checked = run("check", "--config", file)
    assert checked.returncode == 1
    assert problem["why"] in checked.stdout
    assert is_untold(mixed["key"], checked.stdout + proxy.stderr_text() + fetch(proxy.admin, "/problems").text)


def is_untold(key, text):
    """Whether no line of the private key is in `text`."""
    return all(line not in text for line in key.splitlines() if "-----" not in line)
