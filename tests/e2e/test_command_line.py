"""What a user meets first: usage, help, version, environment, check."""

import json
import os

import pytest

from support import daemon
from support.manifests import ingress, path, service, site


@pytest.mark.parametrize("args", [
    [], ["fly"], ["run"], ["run", "--manifests", "x"], ["run", "--http", "127.0.0.1:1"],
    ["run", "--manifests", "x", "--config", "y", "--http", "127.0.0.1:1"],
    ["run", "--config", "y", "--http", "127.0.0.1:1"],
    ["run", "--manifests", "x", "--http", "localhost:80"],
    ["run", "--manifests", "x", "--http", "127.0.0.1:1", "--workers", "0"],
    ["run", "--manifests", "x", "--http", "127.0.0.1:1", "--shutdown-delay", "5"],
    ["check"], ["check", "x", "-o", "xml"], ["run", "--unknown"],
])
def test_usage_errors_exit_2_with_the_usage(args):
    result = daemon.run(*args)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("proxyd: ")
    assert "Usage: proxyd" in result.stderr


def test_help_and_version_go_to_stdout():
    for args in (["--help"], ["run", "--help"], ["check", "--help"], ["version"]):
        result = daemon.run(*args)
        assert result.returncode == 0
        assert result.stderr == ""
        assert "proxyd" in result.stdout
    assert "PROXYD_ADMIN" in daemon.run("run", "--help").stdout


def test_bad_environment_is_a_usage_error():
    result = daemon.run("run", "--config", "x", env={"PROXYD_WORKERS": "many"})
    assert result.returncode == 2
    assert "many" in result.stderr


def test_environment_replaces_flags(start, manifests, make_backend):
    backend = make_backend()
    manifests.write("a.yaml", site("a", "a.example.com", backend))
    proxy = start(env={"PROXYD_PROBE_ADDRESS": "127.0.0.1:0"})
    proxy.wait_ready()
    assert proxy.page("/readyz", listener="probe")["ready"]
    assert proxy.ask("a.example.com").status == 200


def test_check_says_nothing_is_wrong(manifests, make_backend):
    manifests.write("a.yaml", site("a", "a.example.com", make_backend()))
    result = daemon.run("check", manifests.root)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
    assert json.loads(daemon.run("check", manifests.root, "-o", "json").stdout) == {"problems": []}


def test_check_lists_all_problems_at_once(manifests):
    manifests.write("a.yaml", ingress("shop", "shop.example.com", [path("/", "missing")]))
    manifests.write_text("broken.yaml", "kind: [Ingress")
    manifests.write("twice-1.yaml", service("twin"))
    manifests.write("twice-2.yaml", service("twin"))
    os.symlink("nowhere", manifests.path("dangling.yaml"))
    result = daemon.run("check", manifests.root, "-o", "json")
    assert result.returncode == 1
    problems = json.loads(result.stdout)["problems"]
    by_source = {problem["source"]: problem for problem in problems}
    assert set(by_source) == {"a.yaml", "broken.yaml", "twice-2.yaml", "dangling.yaml"}
    assert by_source["a.yaml"]["object"] == {"kind": "Ingress", "namespace": "default", "name": "shop"}
    for problem in problems:
        assert set(problem) == {"severity", "source", "object", "field", "why", "fix"}
        assert problem["severity"] in ("error", "warning")
        assert problem["why"]
    text = daemon.run("check", manifests.root)
    assert text.returncode == 1
    for word in ("Ingress default/shop", "broken.yaml", f"{len(problems)} problems"):
        assert word in text.stdout


def test_check_of_a_config_file(tmp_path):
    good = tmp_path / "good.yaml"
    good.write_text("version: 1\nlisteners: [{name: web, address: 127.0.0.1, port: 8080}]\n")
    assert daemon.run("check", "--config", str(good)).returncode == 0
    bad = tmp_path / "bad.json"
    bad.write_text('{"version": 1, "listeners": [{"name": "web", "prot": 1}], "surprise": 2}')
    result = daemon.run("check", "--config", str(bad), "-o", "json")
    assert result.returncode == 1
    fields = " ".join(problem["field"] for problem in json.loads(result.stdout)["problems"])
    assert "prot" in fields and "surprise" in fields


def test_check_of_nothing_is_exit_2(tmp_path):
    for args in ([str(tmp_path / "absent")], ["--config", str(tmp_path / "absent.yaml")]):
        result = daemon.run("check", *args)
        assert result.returncode == 2
        assert "No such file or directory" in result.stderr


def test_address_in_use_ends_the_start(tmp_path, manifests, make_backend):
    taken = make_backend().port
    for flag in ("--http", "--admin"):
        args = ["run", "--manifests", manifests.root, "--access-log", "off", flag, f"127.0.0.1:{taken}"]
        result = daemon.run(*args, *(["--http", "127.0.0.1:0"] if flag == "--admin" else []))
        assert result.returncode == 1
        assert str(taken) in result.stderr


def test_input_that_is_not_there_ends_the_start(tmp_path):
    absent = str(tmp_path / "absent")
    for args in (["--manifests", absent, "--http", "127.0.0.1:0"], ["--config", absent]):
        result = daemon.run("run", *args)
        assert result.returncode == 1
        assert f"cannot read {absent}: No such file or directory" in result.stderr


def test_access_log_that_cannot_be_opened_ends_the_start(manifests, tmp_path):
    result = daemon.run("run", "--manifests", manifests.root, "--http", "127.0.0.1:0",
                        "--access-log", str(tmp_path / "no/where"))
    assert result.returncode == 1
    assert "access log" in result.stderr
