"""TLS policies of server names: what clients of each get, and that nobody gets round one by another connection."""

import re
import ssl
import subprocess

import pytest

from support.backend import ok
from support.client_authority import ClientAuthority
from support.config_file import secured, single, write_config
from support.daemon import run
from support.http_client import RawClient, request_bytes, to_address
from support.tls_client import VERSIONS, HandshakeFailed, TlsClient, client_context
from support.waiting import eventually

HEADERS = {"verified": "ssl-client-verify", "subject": "ssl-client-subject-dn"}
NAMES = ["a.test", "b.test", "c.test"]


@pytest.fixture(scope="module")
def authorities(tmp_path_factory):
    folder = tmp_path_factory.mktemp("client-authorities")
    return {"root": ClientAuthority(folder, "root"), "stranger": ClientAuthority(folder, "stranger")}


@pytest.fixture(scope="module")
def clients(authorities):
    return {"good": authorities["root"].issue("shop"), "foreign": authorities["stranger"].issue("foreign")}


@pytest.fixture(scope="module")
def shared(authority):
    """One certificate for all names, so that it is never what a 421 is about."""
    return authority.make(*NAMES, key="rsa").config("shared", *NAMES)


def policy(name, *server_names, **more):
    return {"name": name, "server_names": list(server_names), **more}


def asking(authority, **more):
    return {"client_certificates": {"authorities": authority.pem, "headers": HEADERS, **more}}


@pytest.fixture
def serve_policies(start, tmp_path, make_backend, shared):
    """serve_policies(policies, backend, workers, settings, **tls): one listener whose certificate is `shared`."""
    def run_daemon(policies, backend=None, workers=1, settings=None, **tls):
        run_daemon.value = {**secured(single(backend or make_backend(ok()), **(settings or {})), [shared], **tls),
                            "tls_policies": policies}
        file = write_config(tmp_path / "config", run_daemon.value)
        return start("--config", file, "--workers", str(workers)).wait_ready()

    def change(proxy, policies):
        """Returns when all workers serve `policies`."""
        before = proxy.page("/generation")["published"]
        write_config(tmp_path / "config", {**run_daemon.value, "tls_policies": policies})
        proxy.wait_adopted(before + 1)

    run_daemon.change = change
    return run_daemon


def context_of(client, versions=None):
    return client_context(versions=versions) if client is None else client.context(versions=versions)


def outcome(proxy, client, name, host=None, versions=None):
    """The status of a request, or "refused"."""
    try:
        with TlsClient(proxy.http, context_of(client, versions), name) as connection:
            return connection.request(host=host or name).status
    except (HandshakeFailed, ssl.SSLError):
        return "refused"


def s_client(proxy, name, *options):
    """(version, cipher, group), or the name of the alert that came."""
    port = to_address(proxy.http)[1][1]
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *options]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    alert = re.search(r"alert ([a-z ]+?):", done.stderr)
    if alert:
        return alert[1]
    cipher = re.search(r"^New, \S+, Cipher is (\S+)$", done.stdout, re.MULTILINE)[1]
    version = re.search(r"Protocol *: (\S+)", done.stdout) or re.search(r"^New, (TLSv[\d.]+),", done.stdout, re.MULTILINE)
    group = re.search(r"^Server Temp Key: (\w+)(?:, ([\w-]+))?", done.stdout, re.MULTILINE)
    return version[1], cipher, group[2] if group[1] == "ECDH" else group[1]


def test_each_server_name_is_spoken_to_as_its_policy_says(serve_policies):
    proxy = serve_policies([
        policy("modern", "b.test", preset="modern", groups=["secp384r1"]),
        policy("old", "*.test", max_version="1.2", tls12_ciphers=["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]),
        policy("usual", "a.test", preset="intermediate")])
    assert s_client(proxy, "a.test")[0] == "TLSv1.3"
    aes128 = ["-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"]
    assert s_client(proxy, "a.test", *aes128)[:2] == ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
    assert s_client(proxy, "b.test")[::2] == ("TLSv1.3", "secp384r1")
    assert s_client(proxy, "b.test", "-tls1_2") == "protocol version"
    assert s_client(proxy, "c.test")[:2] == ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384")
    assert s_client(proxy, "c.test", "-tls1_3") == "protocol version"
    assert s_client(proxy, "c.test", *aes128) == "handshake failure"


@pytest.mark.parametrize("version", VERSIONS)
def test_client_certificates_are_asked_of_the_server_names_of_a_policy(serve_policies, make_backend, authorities,
                                                                       clients, version):
    backend, versions = make_backend(ok()), VERSIONS[version]
    proxy = serve_policies([policy("a", "a.test", **asking(authorities["root"])),
                            policy("c", "c.test", client_certificates={"mode": "refuse"})], backend)
    rows = {("a.test", "good"): 200, ("a.test", "foreign"): "refused", ("a.test", None): "refused",
            ("b.test", "good"): 200, ("b.test", None): 200, ("c.test", "good"): "refused", ("c.test", None): "refused"}
    for (name, client), wanted in rows.items():
        assert outcome(proxy, clients.get(client), name, versions=versions) == wanted, (name, client)
    told = [(request.header("host"), request.header("ssl-client-verify"), request.header("ssl-client-subject-dn"))
            for request in backend.requests]
    assert told == [("a.test", "SUCCESS", "CN=shop"), ("b.test", None, None), ("b.test", None, None)]
    for reason, number in (("missing", 1), ("untrusted", 1), ("nobody", 2)):
        proxy.wait_metric(f'proxyd_tls_clients_refused_total{{reason="{reason}"}}', number)


def test_a_policy_may_ask_nobody_where_the_listener_asks(serve_policies, authorities, clients):
    proxy = serve_policies([policy("open", "b.test", client_certificates={"mode": "off"})],
                           client_certificates={"authorities": authorities["root"].pem})
    assert outcome(proxy, None, "a.test") == "refused"
    assert outcome(proxy, clients["good"], "a.test") == 200
    assert outcome(proxy, None, "b.test") == 200
    assert outcome(proxy, None, "b.test", host="a.test") == 421
    assert outcome(proxy, clients["good"], "a.test", host="b.test") == 421


def test_backends_judge_the_certificates_that_nobody_verified(serve_policies, make_backend, authorities, clients):
    """And only we can tell them so, on any connection."""
    backend = make_backend(ok())
    proxy = serve_policies([policy("a", "a.test", **asking(authorities["root"], mode="optional_unverified"))], backend)
    forged = [(spelling, "forged") for name in HEADERS.values() for spelling in (name, name.upper(), name.replace("-", "_"))]
    for name, client in (("a.test", "good"), ("a.test", "foreign"), ("a.test", None), ("b.test", "good")):
        with TlsClient(proxy.http, context_of(clients.get(client)), name) as connection:
            assert connection.request(host=name, headers=forged).status == 200
    told = [[request.header(name) for name in HEADERS.values()] for request in backend.requests]
    assert told == [["SUCCESS", "CN=shop"], ["FAILED:untrusted", "CN=foreign"], ["NONE", None], [None, None]]
    assert not any(b"forged" in request.raw_head for request in backend.requests)


def strict(authorities):
    """b.test asks for certificates, c.test for TLS 1.3; what comes to either's backend has to have come that way."""
    return [policy("asks", "b.test", **asking(authorities["root"])), policy("newer", "c.test", min_version="1.3")]


def test_nobody_gets_round_a_policy_by_another_connection(serve_policies, make_backend, authorities, clients):
    """RFC 9110 7.4, 15.5.20. In both directions, in every spelling, and without a server name."""
    backend = make_backend(ok())
    proxy = serve_policies(strict(authorities), backend, default_certificate="shared")
    good = clients["good"]
    for name, client, statuses in (
            ("a.test", None, {"a.test": 200, "b.test": 421, "B.TEST:443": 421, "b.test.": 421, "c.test": 421,
                              "d.test": 200}),
            (None, None, {"a.test": 200, "b.test": 421, "c.test": 421}),
            ("unknown.test", None, {"a.test": 200, "b.test": 421, "c.test": 421}),
            ("c.test", None, {"c.test": 200, "C.Test:8443": 200, "a.test": 421, "b.test": 421}),
            ("b.test", good, {"b.test": 200, "b.test.": 200, "a.test": 421, "c.test": 421})):
        with TlsClient(proxy.http, context_of(client), name) as connection:
            assert {host: connection.request(host=host).status for host in statuses} == statuses, name
            connection.send(request_bytes(target="https://b.test/", host=name or "a.test"))
            assert connection.read_response().status == (200 if name == "b.test" else 421)
    for request in backend.requests:
        assert (request.header("ssl-client-verify") == "SUCCESS") == request.header("host").startswith("b.test")
    entry = proxy.wait_log(status=421)
    assert entry["why"] == "misdirected" and "cluster" not in entry


def curl(proxy, authority, name, host, *more):
    """(version of HTTP, status) of a request for `host` by a connection whose server name is `name`."""
    port = proxy.http.rsplit(":", 1)[1]
    command = ["curl", "-sS", "--http2", "--cacert", authority.root_file, "--resolve", f"{name}:{port}:127.0.0.1",
               "-o", "/dev/null", "-w", "%{http_version} %{http_code}", "-H", f"Host: {host}", *more,
               f"https://{name}:{port}/"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return tuple(done.stdout.split()) if done.returncode == 0 else done.stderr


def test_streams_of_http2_for_hosts_of_another_policy_are_misdirected(serve_policies, authority, authorities, clients):
    proxy = serve_policies(strict(authorities))
    shown = ["--cert", clients["good"].file, "--key", clients["good"].key_file]
    assert curl(proxy, authority, "a.test", "a.test") == ("2", "200")
    assert curl(proxy, authority, "a.test", "b.test") == ("2", "421")
    assert curl(proxy, authority, "a.test", "b.test", *shown) == ("2", "421")
    assert curl(proxy, authority, "c.test", "b.test") == ("2", "421")
    assert curl(proxy, authority, "b.test", "b.test", *shown) == ("2", "200")
    assert curl(proxy, authority, "b.test", "a.test", *shown) == ("2", "421")
    assert "certificate required" in curl(proxy, authority, "b.test", "b.test")


def test_hosts_whose_policies_say_the_same_share_connections(serve_policies, authorities, clients):
    asks = asking(authorities["root"])
    proxy = serve_policies([policy("one", "a.test", **asks), policy("two", "b.test", **asks)])
    assert outcome(proxy, clients["good"], "a.test", host="b.test") == 200
    assert outcome(proxy, clients["good"], "b.test", host="a.test") == 200
    assert outcome(proxy, clients["good"], "a.test", host="c.test") == 421


def test_a_policy_is_nothing_to_plain_requests(start, tmp_path, make_backend, shared, authorities):
    backend = make_backend(ok())
    value = {**secured(single(backend), [shared]), "tls_policies": strict(authorities)}
    value["listeners"].append({"name": "plain", "address": "127.0.0.1"})
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    with RawClient(proxy.address("plain")) as client:
        assert client.request(host="b.test", headers=[("ssl-client-verify", "SUCCESS")]).status == 200
    assert backend.requests[0].header("ssl-client-verify") is None


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_do_not_carry_a_client_to_another_policy(serve_policies, authorities, clients, version):
    proxy = serve_policies([policy("asks", "b.test", **asking(authorities["root"]))], workers=2)
    context = context_of(clients["good"], VERSIONS[version])

    def resumed(name, session):
        with TlsClient(proxy.http, context, name, session) as client:
            assert client.request(host=name).status == 200
            return client.tls.session_reused, client.tls.session

    is_resumed, of_a = resumed("a.test", None)
    assert not is_resumed
    assert resumed("a.test", of_a)[0]
    assert resumed("c.test", of_a)[0], "neither has a policy, and the certificate is one"
    is_resumed, of_b = resumed("b.test", of_a)
    assert not is_resumed
    assert all(resumed("b.test", of_b)[0] for _ in range(4)), "by any worker"
    assert not resumed("a.test", of_b)[0]
    without = context_of(None, VERSIONS[version])
    with TlsClient(proxy.http, without, "a.test") as client:
        assert client.request(host="a.test").status == 200
        session = client.tls.session
    with pytest.raises((HandshakeFailed, ssl.SSLError)):
        with TlsClient(proxy.http, without, "b.test", session) as client:
            client.request(host="b.test")


def test_a_changed_policy_is_seen_by_new_connections_and_old_ones_go_on(serve_policies, authorities, clients):
    proxy = serve_policies([], workers=2)
    with TlsClient(proxy.http, None, "b.test") as before:
        assert before.request(host="b.test").status == 200
        serve_policies.change(proxy, [policy("asks", "b.test", **asking(authorities["root"]))])
        assert outcome(proxy, None, "b.test") == "refused"
        assert outcome(proxy, clients["good"], "b.test") == 200
        assert before.request(host="b.test").status == 200, "of its own server name"
        with TlsClient(proxy.http, None, "a.test") as other, \
                TlsClient(proxy.http, context_of(clients["good"]), "b.test") as asked:
            assert asked.request(host="b.test").status == 200
            serve_policies.change(proxy, [policy("asks", "a.test", "b.test", **asking(authorities["stranger"]))])
            assert outcome(proxy, clients["good"], "b.test") == "refused"
            assert outcome(proxy, clients["foreign"], "b.test", host="a.test") == 200
            assert asked.request(host="b.test").status == 200
            assert asked.request(host="a.test").status == 421, "its policy is another one"
            assert other.request(host="a.test").status == 200
            assert other.request(host="b.test").status == 421
        serve_policies.change(proxy, [])
        assert outcome(proxy, None, "b.test", host="a.test") == 200
        assert before.request(host="a.test").status == 200


@pytest.mark.parametrize("broken, field", [
    ({"client_certificates": {"authorities": "no PEM"}}, "client_certificates.authorities"),
    ({"client_certificates": {"authorities": ""}}, "client_certificates.authorities"),
    ({"min_version": "1.3", "max_version": "1.2"}, "min_version"),
    ({"preset": "modern", "tls12_ciphers": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}, "tls12_ciphers"),
], ids=["garbage", "empty", "versions", "ciphers"])
def test_a_broken_policy_leaves_the_last_good_ones(serve_policies, tmp_path, authorities, clients, broken, field):
    proxy = serve_policies(strict(authorities))
    wrong = [policy("asks", "b.test", **broken)]
    file = write_config(tmp_path / "config", {**serve_policies.value, "tls_policies": wrong})
    fields = [f"tls_policies[0].{field}"]
    eventually(lambda: [p["field"] for p in proxy.problems() if p["severity"] == "error"] == fields, "the problem")
    assert outcome(proxy, None, "b.test") == "refused"
    assert outcome(proxy, clients["good"], "b.test") == 200
    assert outcome(proxy, None, "c.test", versions=VERSIONS["1.2"]) == "refused"
    checked = run("check", "--config", file)
    assert checked.returncode == 1 and fields[0] in checked.stdout


def test_what_a_policy_says_is_told_and_written(serve_policies, authorities):
    policies = strict(authorities) + [policy("hidden", "b.test", max_version="1.2")]
    proxy = serve_policies(policies, min_version="1.3")
    warned = {p["field"]: p["why"] for p in proxy.problems()}
    assert set(warned) == {"tls_policies[2].server_names[0]", "tls_policies[2].max_version"}
    written = proxy.page("/config")["tls_policies"]
    assert [entry["name"] for entry in written] == ["asks", "hidden", "newer"]
    assert written[0]["client_certificates"]["headers"] == HEADERS
