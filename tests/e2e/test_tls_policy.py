"""What a listener speaks: presets, ciphers and groups, as `openssl s_client` and Python see them."""

import re
import subprocess

import pytest

from support.backend import ok
from support.config_file import secured, single, write_config
from support.daemon import run
from support.http_client import to_address
from support.tls_client import VERSIONS, HandshakeFailed, TlsClient, client_context

PROTOCOL_VERSION = 70  # the alert
RSA = {"AES128": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "AES256": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
       "CHACHA20": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"}


def s_client(proxy, *options):
    """(version, cipher, group), or the name of the alert that came."""
    port = to_address(proxy.http)[1][1]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", "a.test", *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    alert = re.search(r"alert ([a-z ]+?):", done.stderr)
    if alert:
        return alert[1]
    version, cipher = re.search(r"^New, (TLSv[\d.]+), Cipher is (\S+)$", done.stdout, re.MULTILINE).groups()
    group = re.search(r"^Server Temp Key: (\w+)(?:, ([\w-]+))?", done.stdout, re.MULTILINE)
    if version == "TLSv1.3":
        return version, cipher, group[2] if group[1] == "ECDH" else group[1]
    return re.search(r"Protocol *: (\S+)", done.stdout)[1], cipher, group[2] if group[1] == "ECDH" else group[1]


@pytest.fixture
def serve_rsa(serve_tls, authority):
    """serve_tls() with an RSA certificate for a.test."""
    certificate = authority.make("a.test", key="rsa")
    return lambda **tls: serve_tls([certificate.config("a", "a.test")], **tls)


def test_the_default_is_intermediate(serve_rsa):
    for tls in ({}, {"preset": "intermediate"}):
        proxy = serve_rsa(**tls)
        assert s_client(proxy)[0] == "TLSv1.3"
        ciphers = ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305"]
        assert s_client(proxy, "-tls1_2", "-cipher", ":".join(ciphers)) == ("TLSv1.2", ciphers[1], "X25519")
        for cipher in ciphers:
            assert s_client(proxy, "-tls1_2", "-cipher", cipher)[1] == cipher
        for groups, taken in [("P-384:P-256", "prime256v1"), ("P-384", "secp384r1"), ("P-521:P-384", "secp384r1")]:
            assert s_client(proxy, "-groups", groups)[2] == taken, groups
        assert s_client(proxy, "-groups", "P-521") == "handshake failure"


def test_modern_speaks_tls_1_3_alone(serve_rsa):
    proxy = serve_rsa(preset="modern")
    assert s_client(proxy)[0] == "TLSv1.3"
    assert s_client(proxy, "-tls1_2") == "protocol version"


def test_explicit_values_override_the_preset(serve_rsa):
    proxy = serve_rsa(preset="modern", min_version="1.2", tls12_ciphers=[RSA["CHACHA20"], RSA["AES256"]],
                      groups=["secp521r1", "secp384r1"])
    assert s_client(proxy, "-tls1_2", "-groups", "P-384:P-521") == (
        "TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305", "secp521r1")
    assert s_client(proxy, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384",
                    "-groups", "P-384")[1:] == ("ECDHE-RSA-AES256-GCM-SHA384", "secp384r1")
    assert s_client(proxy, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256") == "handshake failure"
    assert s_client(proxy, "-tls1_3", "-groups", "X25519") == "handshake failure"
    # The first that the server likes, though no share for it came.
    assert s_client(proxy, "-tls1_3", "-groups", "X25519:P-384:P-521")[2] == "secp521r1"


def test_a_policy_changes_for_new_connections(serve, make_backend, listed, tmp_path):
    plain = single(make_backend(ok()))
    proxy = serve(secured(plain, listed))
    only12 = client_context(versions=VERSIONS["1.2"])

    def publish(**tls):
        before = proxy.page("/generation")["published"]
        write_config(tmp_path / "config", secured(plain, listed, **tls))
        proxy.wait_adopted(before + 1)

    with TlsClient(proxy.http, only12, "a.test") as old:
        publish(preset="modern")
        with pytest.raises(HandshakeFailed) as failure:
            TlsClient(proxy.http, only12, "a.test")
        assert failure.value.alert == PROTOCOL_VERSION
        assert old.request(host="a.test").status == 200, "a connection goes on as it began"
        session = old.tls.session
        publish(tls12_ciphers=["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"])
        with TlsClient(proxy.http, only12, "a.test", session=session) as new:
            assert not new.tls.session_reused
            assert new.tls.cipher()[0] == "ECDHE-ECDSA-AES256-GCM-SHA384"
            assert new.request(host="a.test").status == 200


@pytest.mark.parametrize("tls, field, words", [
    ({"tls12_ciphers": ["TLS_AES_128_GCM_SHA256"]}, "tls12_ciphers[0]", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    ({"tls12_ciphers": ["ECDHE-RSA-AES128-GCM-SHA256"]}, "tls12_ciphers[0]", "use one of"),
    ({"preset": "modern", "tls12_ciphers": [RSA["AES128"]]}, "tls12_ciphers", "fixed"),
    ({"groups": ["P-256"]}, "groups[0]", "X25519MLKEM768, x25519, secp256r1"),
    ({"groups": ["X25519MLKEM768"]}, "groups", "no group that TLS 1.2 knows"),
    ({"preset": "modern", "max_version": "1.2"}, "max_version", "older than all that the preset allows"),
    ({"preset": "old"}, "preset", "intermediate, modern"),
])
def test_what_cannot_be_spoken_is_a_problem(tmp_path, listed, tls, field, words):
    value = secured(single(("127.0.0.1", 1)), listed, **tls)
    checked = run("check", "--config", write_config(tmp_path / "config", value))
    assert checked.returncode == 1
    lines = [line for line in checked.stdout.splitlines() if f"listeners[0].tls.{field}" in line]
    assert len(lines) == 1 and words in checked.stdout, checked.stdout
