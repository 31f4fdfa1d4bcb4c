"""TLS to backends: whom proxyd believes, what it shows, what users and operators see when a check fails."""

import ssl

import pytest

from support.backend import ok
from support.certificates import Authority
from support.config_file import cluster, config, route, write_config
from support.http_client import RawClient
from support.load import CheckedLoad
from support.nginx import Nginx
from support.tls_backend import TlsBackend, server_context
from support.waiting import eventually

NAME = "backend.test"


@pytest.fixture(scope="session")
def stranger(tmp_path_factory):
    """An authority that nobody trusts."""
    return Authority(tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def make_tls_backend(tmp_path):
    """make_tls_backend(made, handler, client_authority=..., version=...): a running TlsBackend that shows `made`."""
    running = []

    def make(made, handler=None, **how):
        context = server_context(made, tmp_path / f"backend-{len(running)}", **how)
        running.append(TlsBackend(context, handler))
        return running[-1]

    yield make
    for backend in running:
        backend.close()


@pytest.fixture
def serve(start, tmp_path):
    """serve(backend, tls, **settings): proxyd with one worker, all requests to `backend` under the policy `tls`."""
    def start_daemon(backend, tls, rule=None, **settings):
        value = config([cluster("only", backend, tls=tls, **settings)], [route("all", "only", **(rule or {}))])
        return start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()

    return start_daemon


def trusting(authority, **more):
    return {"server_name": NAME, "ca_bundle": authority.root.chain, **more}


def showing(made):
    return {"client_certificate": made.chain, "client_key": made.key}


def wait_failures(proxy, reason, number):
    proxy.wait_metric('proxyd_upstream_tls_failures_total{reason="%s"}' % reason, number)


def test_requests_go_encrypted_over_one_connection(serve, make_tls_backend, authority):
    backend = make_tls_backend(authority.make(NAME), lambda c: c.send(ok(c.request.body)))
    proxy = serve(backend, trusting(authority))
    large = bytes(range(256)) * 20_000
    with proxy.connect() as client:
        for body in (b"", b"small", large):
            response = client.request("POST", body=body)
            assert (response.status, response.body) == (200, body)
    (handshake,) = backend.handshakes
    assert (handshake.version, handshake.protocol, handshake.server_name) == ("TLSv1.3", "http/1.1", NAME)
    assert handshake.client is None
    proxy.wait_metric("proxyd_upstream_tls_handshakes_total", 1)
    proxy.wait_metric("proxyd_upstream_reused_total", 2)


@pytest.mark.parametrize("names, tls", [
    (["IP:127.0.0.1"], {"server_name": ""}),
    (["IP:127.0.0.1"], {"server_name": "127.0.0.1"}),
    (["*." + NAME], {"server_name": "cart." + NAME}),
    (["URI:spiffe://example.org/cart"], {"allowed_names": ["other.test", "spiffe://example.org/cart"]}),
    (["other.test"], {"allowed_names": ["other.test"], "max_version": "1.2"}),
], ids=["address", "named-address", "wildcard", "uri", "allowed-name"])
def test_names_that_a_certificate_may_prove(serve, make_tls_backend, authority, names, tls):
    backend = make_tls_backend(authority.make(*names))
    assert serve(backend, trusting(authority, **tls)).ask().status == 200
    expected = tls.get("server_name", NAME)
    assert backend.handshakes[0].server_name == (expected if expected.endswith(NAME) else None)


RETRY = {"retry": {"retry_on": ["connect_failure", "reset"], "attempts": 3, "backoff": {"base_ms": 1, "max_ms": 2}}}
BAD = {
    "expired": lambda own, stranger: (own.make(NAME, days=-1), {}),
    "name_mismatch": lambda own, stranger: (own.make("other.test"), {}),
    "san_mismatch": lambda own, stranger: (own.make(NAME), {"allowed_names": ["other.test", "spiffe://a/b"]}),
    "unknown_ca": lambda own, stranger: (stranger.make(NAME), {}),
    "self_signed": lambda own, stranger: (own.self_signed(NAME), {}),
}


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
@pytest.mark.parametrize("reason", BAD)
def test_a_backend_that_is_not_the_one_gets_no_request(serve, make_tls_backend, authority, stranger, reason, version):
    made, more = BAD[reason](authority, stranger)
    backend = make_tls_backend(made, version=version)
    proxy = serve(backend, trusting(authority, **more), rule=RETRY)
    assert proxy.ask(target="/secret").status == 502
    entry = proxy.wait_log(status=502)
    assert entry["why"] == "upstream_tls:" + reason
    assert "tries" not in entry  # another try would meet the same certificate
    wait_failures(proxy, reason, 1)
    proxy.wait_metric('proxyd_errors_total{why="upstream_tls"}', 1)
    assert backend.requests == [] and backend.num_connections == 1


def test_what_is_no_handshake_is_named_and_tried_elsewhere(start, tmp_path, make_raw_backend, make_tls_backend,
                                                           authority):
    good = make_tls_backend(authority.make(NAME))
    closing = make_raw_backend(lambda connection: connection.sock.recv(1))
    plain = make_raw_backend(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    old = make_tls_backend(authority.make(NAME), version=ssl.TLSVersion.TLSv1_2)
    bad = {"not_tls": plain, "closed": closing, "version": old}
    tls = trusting(authority, min_version="1.3")
    clusters = [cluster(name, backend, tls=tls) for name, backend in bad.items()]
    clusters += [cluster(name + "-or-good", backend, good, tls=tls) for name, backend in bad.items()]
    routes = [route(c["name"], c["name"], c["name"] + ".test", **RETRY) for c in clusters]
    proxy = start("--config", write_config(tmp_path / "config", config(clusters, routes)),
                  "--workers", "1").wait_ready()
    for reason in bad:
        host = reason + ".test"
        assert proxy.ask(host).status == 502
        entry = proxy.wait_log(host=host)
        assert entry["why"] == "upstream_tls:" + reason and entry["tries"] == 4, entry
        for _ in range(4):
            assert proxy.ask(reason + "-or-good.test").status == 200


def test_a_silent_backend_takes_no_longer_than_connecting_may(serve, make_raw_backend, authority):
    backend = make_raw_backend(lambda connection: connection.wait_end())
    proxy = serve(backend, trusting(authority), timeouts={"connect_ms": 200})
    assert proxy.ask().status == 502
    assert proxy.wait_log(status=502)["why"] == "upstream_tls:timeout"
    wait_failures(proxy, "timeout", 2)  # as when nobody answers at all, one try more


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_client_certificates(start, tmp_path, make_tls_backend, authority, stranger, version):
    backend = make_tls_backend(authority.make(NAME), client_authority=authority, version=version)
    policies = {"good": showing(authority.make("gateway.test")), "none": {}, "wrong": showing(stranger.make("gateway.test"))}
    value = config([cluster(name, backend, tls=trusting(authority, **shown)) for name, shown in policies.items()],
                   [route(name, name, name + ".test") for name in policies])
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    assert proxy.ask("good.test").status == 200
    assert [h.client for h in backend.handshakes] == ["gateway.test"]
    for name in ("none", "wrong"):
        assert proxy.ask(name + ".test").status == 502
        assert proxy.wait_log(host=name + ".test")["why"] == "upstream_tls:client_certificate"
    wait_failures(proxy, "client_certificate", 2)
    assert len(backend.requests) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def test_connections_go_on_with_earlier_sessions(serve, make_tls_backend, authority, version):
    def once(conversation):
        conversation.send(ok(headers=[("Connection", "close")]))
        conversation.close()

    backend = make_tls_backend(authority.make(NAME), once, version=version)
    proxy = serve(backend, trusting(authority))
    for _ in range(4):
        assert proxy.ask().status == 200
    assert [h.is_resumed for h in backend.handshakes] == [False, True, True, True]
    proxy.wait_metric("proxyd_upstream_tls_handshakes_resumed_total", 3)


def test_a_body_that_ends_with_the_stream_must_end_with_a_goodbye(serve, make_tls_backend, authority):
    def to_the_end(conversation):
        conversation.send(b"HTTP/1.1 200 OK\r\n\r\nhalf of")
        if conversation.request.target == "/whole":
            conversation.send(b" it")
            conversation.sock.unwrap()
        conversation.close()

    proxy = serve(make_tls_backend(authority.make(NAME), to_the_end), trusting(authority))
    response = proxy.ask(target="/whole")
    assert (response.status, response.body) == (200, b"half of it")
    assert not proxy.ask(target="/cut").is_whole
    assert proxy.wait_log(path="/cut")["why"].startswith("response_truncated")


def test_nginx_with_client_certificates(serve, authority, tmp_path):
    folder = tmp_path / "certificates"
    folder.mkdir()
    shown = authority.make(NAME, key="rsa")
    (folder / "chain.pem").write_text(shown.chain, encoding="ascii")
    (folder / "key.pem").write_text(shown.key, encoding="ascii")
    nginx = Nginx(tmp_path / "nginx", """
      server {
        listen 127.0.0.1:{port0} ssl;
        ssl_certificate %s/chain.pem;
        ssl_certificate_key %s/key.pem;
        ssl_client_certificate %s;
        ssl_verify_client on;
        ssl_protocols TLSv1.3;
        ssl_session_cache shared:tests:1m;
        keepalive_requests 1;
        location / { return 200 "$ssl_server_name $ssl_client_verify $ssl_session_reused $ssl_protocol"; }
      }""" % (folder, folder, authority.root_file))
    try:
        tls = trusting(authority, **showing(authority.make("gateway.test")))
        proxy = serve(("127.0.0.1", nginx.ports[0]), tls)
        texts = [proxy.ask().text for _ in range(3)]
        assert texts == [f"{NAME} SUCCESS {resumed} TLSv1.3" for resumed in (".", "r", "r")]
    finally:
        nginx.close()


def test_probes_copies_and_connections_ahead_are_encrypted_too(start, tmp_path, make_backend, make_tls_backend,
                                                               authority, stranger):
    checked = make_tls_backend(authority.make(NAME))
    bad = make_tls_backend(stranger.make(NAME))
    copies = make_tls_backend(authority.make(NAME))
    ahead = make_tls_backend(authority.make(NAME))
    tls = trusting(authority)
    probing = {"health_check": {"path": "/live", "interval_ms": 20, "unhealthy_threshold": 1}}
    value = config([cluster("main", make_backend()), cluster("copies", copies, tls=tls),
                    cluster("checked", checked, bad, tls=tls, **probing),
                    cluster("ahead", ahead, tls=tls, limits={"preconnect": 2})],
                   [route("copied", "main", "copied.test", mirrors=[{"cluster": "copies"}]),
                    route("checked", "checked", "checked.test"), route("ahead", "ahead", "ahead.test")])
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1").wait_ready()
    assert proxy.ask("copied.test", "/copied").status == 200
    assert copies.wait_requests(1)[0].target == "/copied"
    assert copies.handshakes[0].server_name == NAME

    def endpoints():
        pages = {page["name"]: page for page in proxy.page("/clusters")["clusters"]}
        return {endpoint["port"]: endpoint for endpoint in pages["checked"]["endpoints"]}

    eventually(lambda: endpoints()[bad.port]["state"] == "unhealthy", "the bad one to be found out")
    eventually(lambda: endpoints()[checked.port]["state"] == "healthy", "the good one to be healthy")
    assert endpoints()[bad.port]["reason"] == "upstream_tls:unknown_ca"
    assert bad.requests == []
    eventually(lambda: len(ahead.handshakes) == 2, "two connections ahead")
    assert proxy.ask("ahead.test").status == 200
    assert ahead.requests[0].connection in (0, 1)


def reconfigure(proxy, folder, value):
    """Returns when all workers serve the configuration `value`."""
    before = proxy.page("/generation")["published"]
    write_config(folder / "config", value)
    proxy.wait_adopted(before + 1)


def test_a_changed_policy_never_uses_old_connections_and_fails_nobody(start, tmp_path, make_tls_backend, authority):
    shown = {number: authority.make(f"gateway-{number}.test") for number in range(20)}
    backend = make_tls_backend(authority.make(NAME), client_authority=authority)

    def value(number):
        return config([cluster("only", backend, tls=trusting(authority, **showing(shown[number])))],
                      [route("all", "only")])

    proxy = start("--config", write_config(tmp_path / "config", value(0)), "--workers", "2").wait_ready()
    with CheckedLoad(proxy.http, "a.test", connections=4) as load:
        for number in range(1, 20):
            reconfigure(proxy, tmp_path, value(number))
            # What comes from now on is of the new policy, on the connections of clients that stay as well.
            for _ in range(4):
                assert proxy.ask(target=f"/after-{number}").status == 200
    assert load.failures == [] and load.num_ok > 100
    seen = [(r.target, backend.clients[r.connection]) for r in backend.requests if r.target.startswith("/after-")]
    assert len(seen) == 19 * 4
    for target, client in seen:
        assert client == f"gateway-{target.removeprefix('/after-')}.test"
    assert backend.failures == []


def test_a_changed_bundle_takes_a_connection_that_it_does_not_trust(serve, tmp_path, make_tls_backend, authority,
                                                                    stranger):
    backend = make_tls_backend(authority.make(NAME))
    proxy = serve(backend, trusting(authority))
    with RawClient(proxy.http) as client:
        assert client.request().status == 200
        reconfigure(proxy, tmp_path, config([cluster("only", backend, tls=trusting(stranger))],
                                            [route("all", "only")]))
        assert client.request().status == 502
    assert proxy.wait_log(status=502)["why"] == "upstream_tls:unknown_ca"


def test_what_cannot_be_read_changes_nothing_and_is_a_problem(serve, tmp_path, make_tls_backend, authority):
    backend = make_tls_backend(authority.make(NAME))
    proxy = serve(backend, trusting(authority))
    bad = {"server_name": NAME, "ca_bundle": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    write_config(tmp_path / "config", config([cluster("only", backend, tls=bad)], [route("all", "only")]))
    (problem,) = eventually(proxy.problems, "a problem")
    assert problem["field"].endswith("tls.ca_bundle") and "not an X.509 certificate" in problem["why"]
    assert proxy.ask().status == 200


def test_verification_ends_only_where_it_is_switched_off_and_that_is_told(serve, make_tls_backend, stranger):
    backend = make_tls_backend(stranger.make("other.test"))
    proxy = serve(backend, {"verification": "none"})
    assert proxy.ask().status == 200
    (problem,) = proxy.problems()
    assert problem["field"] == "clusters[0].tls.verification" and problem["severity"] == "warning"


def test_without_a_bundle_the_roots_of_the_system_decide(start, tmp_path, make_tls_backend, authority, stranger):
    backend = make_tls_backend(authority.make(NAME))
    value = config([cluster("only", backend, tls={"server_name": NAME})], [route("all", "only")])
    file = write_config(tmp_path / "config", value)
    for roots, status in ((authority, 200), (stranger, 502)):
        proxy = start("--config", file, "--workers", "1", env={"SSL_CERT_FILE": roots.root_file}).wait_ready()
        assert proxy.ask().status == status
