"""Backends by host name, and addresses that backends may not have."""

import socket

from support.config_file import cluster, config, route, write_config
from support.http_client import RawClient
from support.manifests import endpoint_slice, ingress, path, service


def is_localhost_v4():
    return any(info[4][0] == "127.0.0.1" for info in socket.getaddrinfo("localhost", None, socket.AF_INET))


def test_config_with_host_names(start, tmp_path, make_backend):
    backend = make_backend()
    hosts = tmp_path / "hosts"
    # The first address refuses: nothing listens on it.
    hosts.write_text("127.0.0.9 backend.test\n127.0.0.1 backend.test\n", encoding="utf-8")
    file = write_config(tmp_path / "config", config(
        [cluster("named", ("backend.test", backend.port)), cluster("local", ("localhost", backend.port))],
        [route("named", "named", "named.test"), route("local", "local", "local.test")]))
    proxy = start("--config", file, env={"CARES_HOSTS": str(hosts)}).wait_ready()
    with RawClient(proxy.http) as client:
        for host in ["named.test"] + ["local.test"] * is_localhost_v4():
            assert client.request(host=host).status == 200, host
    assert proxy.wait_log(host="named.test")["upstream"] == f"backend.test:{backend.port}"


def test_local_backends_are_refused_named_or_resolved(start, tmp_path, make_backend):
    backend = make_backend()
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 rebound.test\n::ffff:127.0.0.1 mapped.test\n0.0.0.0 any.test\n", encoding="utf-8")
    targets = {"literal": ("127.0.0.1", "loopback"), "mapped-literal": ("::ffff:127.0.0.1", "loopback"),
               "unspecified": ("0.0.0.0", "unspecified"), "metadata": ("169.254.169.254", "link_local"),
               "rebound": ("rebound.test", "loopback"), "mapped": ("mapped.test", "loopback"),
               "any": ("any.test", "unspecified"), "localhost": ("localhost", "loopback")}
    file = write_config(tmp_path / "config", config(
        [cluster(name, (address, backend.port)) for name, (address, _) in targets.items()],
        [route(name, name, f"{name}.test") for name in targets]))
    proxy = start("--config", file, "--allow-local-backends=false", env={"CARES_HOSTS": str(hosts)}).wait_ready()
    with RawClient(proxy.http) as client:
        for name, (_, what) in targets.items():
            assert client.request(host=f"{name}.test").status == 502, name
            assert proxy.wait_log(host=f"{name}.test")["why"] == f"address_refused:{what}", name
    assert backend.requests == []
    problems = proxy.problems()
    assert [p["severity"] for p in problems] == ["warning"] * 4  # one for each literal
    assert all("--allow-local-backends" in p["fix"] for p in problems)
    assert proxy.metric('proxyd_errors_total{why="address_refused"}') == len(targets)
    assert proxy.metric("proxyd_upstream_addresses_refused_total") >= len(targets)


def test_local_endpoints_of_manifests_are_left_out(start, manifests, tmp_path, make_backend):
    backend = make_backend()
    manifests.write("a.yaml",
                    ingress("a", "a.test", [path("/", "app", backend.port)]), service("app", port=backend.port),
                    endpoint_slice("app", [("127.0.0.1", backend.port)]),
                    ingress("b", "b.test", [path("/", "ext", backend.port)]),
                    service("ext", port=backend.port, type="ExternalName", externalName="rebound.test"))
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 rebound.test\n", encoding="utf-8")
    proxy = start("--allow-external-names", "--allow-local-backends=false",
                  env={"CARES_HOSTS": str(hosts)}).wait_ready()
    with RawClient(proxy.http) as client:
        assert client.request(host="a.test").status == 503
        assert client.request(host="b.test").status == 502
    assert proxy.wait_log(host="a.test")["why"] == "no_endpoints"
    assert proxy.wait_log(host="b.test")["why"] == "address_refused:loopback"
    assert any("127.0.0.1" in p["why"] for p in proxy.problems())
    assert backend.requests == []


def test_what_the_hosts_file_says_next_is_followed(start, tmp_path, make_backend):
    old, new = make_backend(name="old"), make_backend(name="new", address="127.0.0.2")
    ports = {old.port, new.port}
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 backend.test\n", encoding="utf-8")
    clusters = [cluster(f"c{port}", ("backend.test", port), limits={"max_idle_connections": 0}) for port in ports]
    file = write_config(tmp_path / "config", config(
        clusters, [route(f"c{port}", f"c{port}", f"c{port}.test") for port in ports]))
    proxy = start("--config", file, "--workers", "1", env={"CARES_HOSTS": str(hosts)}).wait_ready()
    proxy.wait_answer(f"c{old.port}.test", "/", 200, "old")
    hosts.write_text("127.0.0.2 backend.test\n", encoding="utf-8")  # nothing listens there on the other port
    proxy.wait_answer(f"c{new.port}.test", "/", 200, "new")
    assert proxy.metric("proxyd_dns_lookups_total") >= 2
