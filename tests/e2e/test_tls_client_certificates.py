"""Clients with certificates of their own: who is let in, what backends are told, and what changes while it runs."""

import hashlib
import ssl
import subprocess
from urllib.parse import unquote

import pytest

from support.backend import ok
from support.client_authority import ClientAuthority
from support.config_file import cluster, config, route, secured, single, write_config
from support.http_client import RawClient, request_bytes
from support.tls_client import VERSIONS, HandshakeFailed, TlsClient, client_context
from support.waiting import eventually

# RFC 8446 6.2, by what Python's library calls them where they come behind the handshake.
ALERTS = {"TLSV1_ALERT_UNKNOWN_CA": 48, "SSLV3_ALERT_CERTIFICATE_EXPIRED": 45, "SSLV3_ALERT_CERTIFICATE_REVOKED": 44,
          "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": 43, "TLSV1_ALERT_ACCESS_DENIED": 49,
          "TLSV13_ALERT_CERTIFICATE_REQUIRED": 116, "SSLV3_ALERT_HANDSHAKE_FAILURE": 40}
HEADERS = {"verified": "ssl-client-verify", "subject": "ssl-client-subject-dn", "issuer": "ssl-client-issuer-dn",
           "subject_alt_names": "X-Client-Names", "fingerprint": "X-Client-Fingerprint",
           "certificate": "ssl-client-cert"}


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client-authorities")
    root = ClientAuthority(folder, "root")
    return {"root": root, "middle": ClientAuthority(folder, "middle", root),
            "stranger": ClientAuthority(folder, "stranger")}


@pytest.fixture(scope="module")
def clients(authorities):
    root, middle = authorities["root"], authorities["middle"]
    return {"good": root.issue("shop", "DNS:shop.test,URI:spiffe://a/shop"), "other": root.issue("other"),
            "deep": middle.issue(send=[middle]), "expired": root.issue(days=-1), "server": root.issue(use="serverAuth"),
            "foreign": authorities["stranger"].issue("shop", "DNS:shop.test"), "revoked": root.issue("revoked")}


@pytest.fixture(scope="module")
def crls(authorities, clients):
    return authorities["root"].crl(clients["revoked"]) + authorities["middle"].crl()


def context_of(client, versions=None):
    return client_context(versions=versions) if client is None else client.context(versions=versions)


def alert_of(proxy, client, versions=None):
    """The alert that a client gets which sends a request as soon as it takes itself for connected; None: an answer."""
    try:
        with TlsClient(proxy.http, context_of(client, versions), "a.test") as connection:
            assert connection.request(host="a.test").status == 200
            return None
    except HandshakeFailed as failed:
        return failed.alert
    except ssl.SSLError as error:
        return ALERTS[error.reason]


def wait_refused(proxy, reason, number):
    proxy.wait_metric(f'proxyd_tls_clients_refused_total{{reason="{reason}"}}', number)


@pytest.mark.parametrize("version", VERSIONS)
def test_only_who_verifies_reaches_a_backend(serve_tls, make_backend, authorities, clients, crls, version):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend, client_certificates={
        "authorities": authorities["root"].pem, "crls": crls,
        "allowed_names": [{"value": "SHOP.test"}, {"type": "common_name", "value": "client|revoked",
                                                   "match": "regular_expression"}]})
    versions = VERSIONS[version]
    missing = 116 if version == "1.3" else 40
    rows = {"good": (None, None), "deep": (None, None), "other": (49, "not_allowed"), "expired": (45, "not_valid_now"),
            "server": (43, "wrong_purpose"), "foreign": (48, "untrusted"), "revoked": (44, "revoked")}
    for name, (alert, reason) in rows.items():
        assert alert_of(proxy, clients[name], versions) == alert, name
        if reason:
            wait_refused(proxy, reason, 1)
    assert alert_of(proxy, None, versions) == missing
    wait_refused(proxy, "missing", 1)
    assert len(backend.requests) == 2
    proxy.wait_metric("proxyd_tls_handshakes_total", 2)
    proxy.wait_metric("proxyd_tls_handshake_failures_total", 6)


@pytest.mark.parametrize("version", VERSIONS)
def test_optional_lets_in_who_has_none_but_not_who_has_a_wrong_one(serve_tls, make_backend, authorities, clients,
                                                                   version):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend, client_certificates={
        "mode": "optional", "authorities": authorities["root"].pem, "headers": HEADERS})
    assert alert_of(proxy, None, VERSIONS[version]) is None
    assert alert_of(proxy, clients["good"], VERSIONS[version]) is None
    assert alert_of(proxy, clients["foreign"], VERSIONS[version]) == 48
    without, with_one = backend.requests
    assert [without.header(name) for name in HEADERS.values()] == ["NONE"] + [None] * 5
    assert with_one.header("ssl-client-verify") == "SUCCESS"


def test_depth_is_counted_between_client_and_authority(serve_tls, authorities, clients):
    proxy = serve_tls(client_certificates={"authorities": authorities["root"].pem, "max_intermediates": 0})
    assert alert_of(proxy, clients["good"]) is None
    assert alert_of(proxy, clients["deep"]) == 48


def test_refuse_lets_nobody_in(serve_tls, clients):
    proxy = serve_tls(client_certificates={"mode": "refuse"})
    assert alert_of(proxy, clients["good"]) == alert_of(proxy, None) == 40
    wait_refused(proxy, "nobody", 2)


def test_backends_are_told_and_clients_cannot_say_it(start, tmp_path, make_backend, listed, authorities, clients):
    """Neither in the head nor behind the body, neither with the certificate nor on another listener."""
    backend = make_backend(ok())
    value = secured(single(backend, headers_with_underscores="allow"), listed, client_certificates={
        "authorities": authorities["root"].pem, "headers": HEADERS})
    value["listeners"].append({"name": "plain", "address": "127.0.0.1", "headers_with_underscores": "allow"})
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    forged = [(spelling, "forged") for name in HEADERS.values()
              for spelling in (name, name.upper(), name.replace("-", "_"), name.replace("-", "_", 1))]
    forged.append(("Connection", "close, " + ", ".join(HEADERS.values())))
    trailers = "".join(f"{name}: forged\r\n{name.replace('-', '_')}: forged\r\n" for name in HEADERS.values())
    request = request_bytes("POST", host="a.test", headers=[*forged, ("Transfer-Encoding", "chunked"), ("a_b", "1")]) \
        + f"1\r\nx\r\n0\r\n{trailers}\r\n".encode()
    with TlsClient(proxy.http, clients["good"].context(), "a.test") as client:
        client.send(request)
        assert client.read_response().status == 200
    with RawClient(proxy.address("plain")) as client:
        client.send(request)
        assert client.read_response().status == 200
    told, not_told = backend.requests
    for recorded in (told, not_told):
        assert b"forged" not in recorded.raw_head and recorded.trailers == []
        assert recorded.header("a_b") == "1"
    assert {"ssl_client_cert", *HEADERS.values()}.isdisjoint(name.lower() for name, _ in not_told.headers)
    assert told.header("ssl-client-verify") == "SUCCESS"
    assert told.header("ssl-client-subject-dn") == "CN=shop"
    assert told.header("ssl-client-issuer-dn") == "CN=root"
    assert told.header("X-Client-Names") == "DNS:shop.test,URI:spiffe://a/shop"
    assert told.header("X-Client-Fingerprint") == hashlib.sha256(clients["good"].der).hexdigest()
    assert ssl.PEM_cert_to_DER_cert(unquote(told.header("ssl-client-cert"))) == clients["good"].der


@pytest.mark.parametrize("protocol", ["http1.1", "http2"])
def test_curl_is_let_in_and_told_of_by_both_protocols(serve_tls, make_backend, authority, authorities, clients, protocol):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend, settings={"headers_with_underscores": "allow"}, client_certificates={
        "authorities": authorities["root"].pem, "headers": {"subject": "X-Subject", "verified": "X-Verified"}})
    port = proxy.http.rsplit(":", 1)[1]
    command = ["curl", "-sS", f"--{protocol}", "--cacert", authority.root_file, "--resolve", f"a.test:{port}:127.0.0.1",
               "-w", "%{http_version}", "-H", "x-subject: forged", "-H", "x_subject: forged", f"https://a.test:{port}/"]
    shown = ["--cert", clients["good"].file, "--key", clients["good"].key_file]
    done = subprocess.run([*command, *shown], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "ok\n" + {"http1.1": "1.1", "http2": "2"}[protocol], done.stderr
    refusal = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert refusal.returncode != 0 and "certificate required" in refusal.stderr
    (request,) = backend.requests
    assert b"forged" not in request.raw_head
    assert (request.header("X-Subject"), request.header("X-Verified")) == ("CN=shop", "SUCCESS")


def test_rules_can_match_what_is_told(serve, make_backend, listed, authorities, clients):
    known, others = make_backend(ok(b"known\n")), make_backend(ok(b"others\n"))
    value = secured(config([cluster("known", known), cluster("others", others)],
                           [route("known", "known", matches=[{"headers": [{"name": "X-Subject", "value": "CN=shop"}]}]),
                            route("others", "others")]),
                    listed, client_certificates={"mode": "optional", "authorities": authorities["root"].pem,
                                                 "headers": {"subject": "X-Subject"}})
    proxy = serve(value)
    for client, body in ((clients["good"], b"known\n"), (clients["other"], b"others\n"), (None, b"others\n")):
        with TlsClient(proxy.http, context_of(client), "a.test") as connection:
            assert connection.request(host="a.test", headers=[("X-Subject", "CN=shop")]).body == body


def test_every_request_of_a_connection_tells(serve_tls, make_backend, authorities, clients):
    backend = make_backend(ok())
    proxy = serve_tls(backend=backend, client_certificates={
        "authorities": authorities["root"].pem, "headers": {"subject": "X-Subject"}})
    with TlsClient(proxy.http, clients["good"].context(), "a.test") as client:
        for _ in range(3):
            assert client.request(host="a.test").status == 200
    assert [request.header("X-Subject") for request in backend.requests] == ["CN=shop"] * 3


@pytest.mark.parametrize("version", VERSIONS)
def test_openssl_is_let_in_or_reads_why_not(serve_tls, authorities, clients, version):
    proxy = serve_tls(client_certificates={"authorities": authorities["root"].pem})

    def said(*more):
        done = subprocess.run(
            ["openssl", "s_client", "-connect", proxy.http, "-servername", "a.test", "-ign_eof",
             "-tls" + version.replace(".", "_"), *more],
            input=request_bytes(host="a.test", headers=[("Connection", "close")]), capture_output=True, timeout=60,
            check=False)
        return (done.stdout + done.stderr).decode("latin-1")

    good = said("-cert", clients["good"].file, "-key", clients["good"].key_file)
    assert "HTTP/1.1 200 OK" in good
    assert "CN = root" in good.split("Acceptable client certificate CA names")[1]
    foreign = said("-cert", clients["foreign"].file, "-key", clients["foreign"].key_file)
    assert "alert unknown ca" in foreign and "HTTP/1.1" not in foreign
    none = said()
    assert ("alert certificate required" if version == "1.3" else "alert handshake failure") in none
    assert "HTTP/1.1" not in none


def reconfigure(proxy, folder, value):
    """Returns when all workers serve the configuration `value`."""
    before = proxy.page("/generation")["published"]
    write_config(folder / "config", value)
    proxy.wait_adopted(before + 1)


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_go_on_under_the_same_policy_only(start, tmp_path, make_backend, listed, authorities, clients, crls,
                                                   version):
    backend, versions = make_backend(ok()), VERSIONS[version]
    root, stranger = authorities["root"].pem, authorities["stranger"].pem

    def value(**client_certificates):
        return secured(single(backend), listed, client_certificates={"headers": HEADERS, **client_certificates})

    def resumed(context, session):
        with TlsClient(proxy.http, context, "a.test", session) as client:
            assert client.request(host="a.test").status == 200
            return client.tls.session_reused, client.tls.session

    file = write_config(tmp_path / "config", value(authorities=root))
    proxy = start("--config", file, "--workers", "2").wait_ready()
    context = context_of(clients["good"], versions)
    is_resumed, session = resumed(context, None)
    assert not is_resumed
    assert all(resumed(context, session)[0] for _ in range(8)), "by any worker"
    assert {request.header("ssl-client-subject-dn") for request in backend.requests} == {"CN=shop"}
    for policy in ({"authorities": root + stranger}, {"authorities": root, "mode": "optional"},
                   {"authorities": root, "crls": crls}):
        reconfigure(proxy, tmp_path, value(**policy))
        is_resumed, newer = resumed(context, session)
        assert not is_resumed, policy
        assert resumed(context, newer)[0], policy
        session = newer
    reconfigure(proxy, tmp_path, value(authorities=stranger))
    with pytest.raises((HandshakeFailed, ssl.SSLError)):
        resumed(context, session)


def test_connections_stay_and_new_ones_meet_the_new_policy(start, tmp_path, make_backend, listed, authorities,
                                                           clients):
    backend = make_backend(ok())

    def value(name):
        return secured(single(backend), listed, client_certificates={"authorities": authorities[name].pem})

    file = write_config(tmp_path / "config", value("root"))
    proxy = start("--config", file, "--workers", "2").wait_ready()
    with TlsClient(proxy.http, clients["good"].context(), "a.test") as stays:
        assert stays.request(host="a.test").status == 200
        reconfigure(proxy, tmp_path, value("stranger"))
        assert stays.request(host="a.test").status == 200
        assert alert_of(proxy, clients["good"]) == 48
        assert alert_of(proxy, clients["foreign"]) is None


@pytest.mark.parametrize("broken", ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM", ""],
                         ids=["garbage", "no-pem", "empty"])
def test_a_broken_bundle_leaves_the_last_good_one(start, tmp_path, make_backend, listed, authorities, clients, broken):
    backend = make_backend(ok())

    def value(bundle):
        return secured(single(backend), listed, client_certificates={"authorities": bundle})

    file = write_config(tmp_path / "config", value(authorities["root"].pem))
    proxy = start("--config", file).wait_ready()
    write_config(tmp_path / "config", value(broken))
    fields = ["listeners[0].tls.client_certificates.authorities"]
    eventually(lambda: [p["field"] for p in proxy.problems() if p["severity"] == "error"] == fields, "the problem")
    assert alert_of(proxy, None) == 116
    assert alert_of(proxy, clients["foreign"]) == 48
    assert alert_of(proxy, clients["good"]) is None
