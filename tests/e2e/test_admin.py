"""The admin and probe addresses."""

import json
import os
import stat

import pytest

from support.http_client import fetch
from support.manifests import endpoint_slice, ingress, path, service, site
from support.waiting import eventually

PAGES = ["/generation", "/config", "/problems", "/healthz", "/readyz", "/metrics"]
PROBE_PAGES = ["/healthz", "/readyz", "/metrics"]


@pytest.fixture
def proxy(start, manifests, make_backend):
    manifests.write("a.yaml", site("a", "a.example.com", make_backend(name="a")))
    return start("--probe-address", "127.0.0.1:0").wait_ready()


def test_pages_and_their_types(proxy):
    for page in PAGES:
        response = fetch(proxy.admin, page)
        assert response.status == 200, page
        content_type = response.header("content-type")
        if page == "/metrics":
            assert content_type.startswith("text/plain; version=0.0.4")
        elif page != "/healthz":
            assert content_type.startswith("application/json")
            json.loads(response.body)
        head = fetch(proxy.admin, page, method="HEAD")
        assert (head.status, head.body) == (200, b"")


def test_probe_address_serves_only_health_and_metrics(proxy):
    probe = proxy.address("probe")
    for page in PAGES:
        assert fetch(probe, page).status == (200 if page in PROBE_PAGES else 404), page


def test_other_methods_and_paths_are_refused(proxy):
    assert fetch(proxy.admin, "/").status == 404
    assert fetch(proxy.admin, "/configuration").status == 404
    response = fetch(proxy.admin, "/config", method="POST", body=b"x")
    assert response.status == 405
    assert response.header("allow") == "GET, HEAD"


def test_generation_counts_configurations(proxy, manifests, make_backend):
    first = proxy.page("/generation")
    assert first["published"] >= 1
    assert first["workers"] == [{"adopted": first["published"], "views": 1}] * 2
    manifests.write("b.yaml", site("b", "b.example.com", make_backend(name="b")))
    proxy.wait_answer("b.example.com", "/", 200)
    proxy.wait_adopted(first["published"] + 1)
    eventually(lambda: all(w["views"] == 1 for w in proxy.page("/generation")["workers"]), "one view per worker")


def test_config_is_the_library_s_own_form(proxy, tmp_path):
    config = fetch(proxy.admin, "/config").body
    parsed = json.loads(config)
    assert parsed["version"] == 1
    assert [route["hosts"] for route in parsed["routes"]] == [["a.example.com"]]
    from support import daemon
    file = tmp_path / "dump.json"
    file.write_bytes(config)
    assert daemon.run("check", "--config", str(file)).returncode == 0


def test_problems_name_file_object_and_field(proxy, manifests):
    assert proxy.problems() == []
    manifests.write("bad.yaml", ingress("bad", "bad.example.com", [path("/", "missing")]))
    problem = eventually(proxy.problems, "a problem")[0]
    assert problem["source"] == "bad.yaml"
    assert problem["object"] == {"kind": "Ingress", "namespace": "default", "name": "bad"}
    assert problem["field"].startswith("spec.rules[0].http.paths[0].backend")
    assert problem["why"] and problem["fix"]
    assert "bad.yaml" in proxy.wait_line("bad.yaml").string
    assert proxy.metric(f'proxyd_config_problems{{severity="{problem["severity"]}"}}') >= 1
    manifests.remove("bad.yaml")
    eventually(lambda: not proxy.problems(), "the problem to go")


def test_not_ready_before_the_first_configuration(start, tmp_path):
    file = tmp_path / "gateway.yaml"
    file.write_text("version: 1\nlisteners: [\n")
    proxy = start("--config", str(file))
    proxy.wait_line("error: gateway.yaml")
    response = fetch(proxy.admin, "/readyz")
    assert response.status == 503
    page = json.loads(response.body)
    assert (page["ready"], page["reasons"]) == (False, ["no configuration has been published yet"])
    assert fetch(proxy.admin, "/healthz").status == 200
    assert proxy.page("/generation")["published"] == 0
    assert proxy.metric("proxyd_ready") == 0
    file.write_text("version: 1\nlisteners: [{name: http-0, address: 127.0.0.1}]\n")
    proxy.wait_ready()
    assert proxy.metric("proxyd_ready") == 1
    assert proxy.ask().status == 404


def test_admin_on_a_unix_socket(start, tmp_path):
    socket_path = str(tmp_path / "admin.sock")
    proxy = start("--admin", f"unix:{socket_path}")
    assert proxy.admin == f"unix:{socket_path}"
    proxy.wait_ready()
    assert stat.S_ISSOCK(os.stat(socket_path).st_mode)


def test_metrics_count_what_happened(proxy, manifests):
    assert proxy.ask("a.example.com").status == 200
    text = fetch(proxy.admin, "/metrics").text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if line and not line.startswith("#")}
    assert names and all(name.startswith("proxyd_") for name in names)
    assert proxy.metric('proxyd_config_reloads_total{outcome="ok"}') >= 1
    assert proxy.metric("proxyd_config_last_reload_timestamp_seconds") > 1.7e9
    assert proxy.metric("proxyd_access_log_dropped_total") == 0
    assert proxy.metric("proxyd_ignored_ingresses") == 0
    manifests.write("other.yaml", ingress("other", "o.example.com", [path("/", "a")], class_name="theirs"))
    eventually(lambda: proxy.metric("proxyd_ignored_ingresses") == 1, "the Ingress of another class to be counted")


def test_metrics_have_no_label_that_a_client_chooses(proxy):
    marker = "client-made-this-up"
    proxy.ask(f"{marker}.example.com", f"/{marker}", headers=[("User-Agent", marker)])
    proxy.ask("a.example.com", f"/{marker}", method="GET", headers=[("X-Request-Id", marker)])
    proxy.ask("a.example.com", "/", method="MADEUP")
    text = fetch(proxy.admin, "/metrics").text
    assert marker not in text and "MADEUP" not in text


def test_admin_traffic_is_not_in_the_access_log(proxy):
    fetch(proxy.admin, "/problems")
    proxy.ask("a.example.com", "/seen")
    proxy.wait_log(path="/seen")
    assert {entry["path"] for entry in proxy.log_entries()} == {"/seen"}


def test_slices_of_one_service_are_merged(proxy, manifests, make_backend):
    one, two = make_backend(name="one"), make_backend(name="two")
    manifests.write("m.yaml", ingress("m", "m.example.com", [path("/", "m")]), service("m"),
                    endpoint_slice("m", [one], name="m-one"), endpoint_slice("m", [two], name="m-two"))
    proxy.wait_answer("m.example.com", "/", 200)
    config = proxy.page("/config")
    cluster = next(c for c in config["clusters"] if c["name"].startswith("default/m"))
    assert sorted(e["port"] for e in cluster["endpoints"]) == sorted([one.port, two.port])
