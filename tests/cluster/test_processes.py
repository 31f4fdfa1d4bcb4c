"""Each process of proxyd killed while a cluster is its source: what clients notice, and what it knows afterwards."""

import json
import os
import signal
import time

import pytest
from kube.fixtures import ACCOUNT, SYSTEM
from kube.lab import Load
from support.http_client import ConnectionEnded
from support.manifests import path
from support.processes import find_children, wait_child

SERVING, CONTROLLER = "proxyd-serving", "proxyd-control"  # the kernel keeps 15 bytes of a name
ANSWERS_AGAIN_S = 1.0


@pytest.fixture
def served(site, lab, faults, run_proxyd, tmp_path):
    """proxyd behind the proxy with faults, with one Ingress."""
    site.deploy("one", "two")
    site.create_ingress("web", "web.test", [path("/", "one")])
    kubeconfig = lab.account_kubeconfig(SYSTEM, ACCOUNT, tmp_path / "kubeconfig", faults.server)
    site.proxyd = run_proxyd(source=kubeconfig).wait_ready()
    site.proxyd.kubeconfig = kubeconfig
    site.wait({("web.test", "/"): "one"})
    return site.proxyd


def kill(proxyd, name):
    """Returns the process that has taken its place."""
    old = wait_child(proxyd.process.pid, name)
    os.kill(old.pid, signal.SIGKILL)
    return wait_child(proxyd.process.pid, name, other_than=old)


def seconds_until_answered(site):
    began = time.monotonic()
    while True:
        try:
            seen = site.served_by("web.test")
        except (OSError, ConnectionEnded, json.JSONDecodeError) as error:
            seen = error
        if seen == "one":
            return time.monotonic() - began
        assert time.monotonic() - began < 30, f"no answer again: {seen!r}\n{site.proxyd.stderr_text()}"


def test_a_killed_data_plane_answers_again_at_once(site, served, note):
    took = []
    for _ in range(3):
        old = wait_child(served.process.pid, SERVING)
        os.kill(old.pid, signal.SIGKILL)
        took.append(seconds_until_answered(site))
        wait_child(served.process.pid, SERVING, other_than=old)
    note(f"data plane killed: answers again after {max(took) * 1000:.0f} ms at most")
    assert max(took) < ANSWERS_AGAIN_S
    site.create_ingress("more", "more.test", [path("/", "two")])
    site.wait({("more.test", "/"): "two"})


def test_a_killed_controller_goes_unnoticed(site, lab, served):
    with Load(lab, served.http, [("web.test", "/", "one")], rate=1000) as load:
        for number in range(3):
            kill(served, CONTROLLER)
            load.wait_more(200)
            site.create_ingress(f"more-{number}", f"more-{number}.test", [path("/", "two")])
            site.wait({(f"more-{number}.test", "/"): "two"})
    load.check()


def test_neither_api_server_nor_controller_is_needed_to_serve(site, faults, served):
    faults.set("refuse")
    for _ in range(2):
        kill(served, CONTROLLER)
        os.kill(wait_child(served.process.pid, SERVING).pid, signal.SIGKILL)
        assert seconds_until_answered(site) < ANSWERS_AGAIN_S
    site.create_ingress("more", "more.test", [path("/", "two")])
    assert site.served_by("more.test") == 404
    faults.clear()
    site.wait({("more.test", "/"): "two", ("web.test", "/"): "one"})


def test_only_the_controller_can_read_the_token(served):
    """The kubeconfig with the token is open or named nowhere in the process that meets clients."""
    serving = find_children(served.process.pid)[SERVING]
    folder = f"/proc/{serving.pid}/fd"
    opened = [os.readlink(os.path.join(folder, name)) for name in os.listdir(folder)]
    assert not any("kubeconfig" in target for target in opened), opened
    with open(f"/proc/{serving.pid}/mem", "rb") as memory, open(f"/proc/{serving.pid}/maps", encoding="ascii") as maps:
        held = b"".join(read_region(memory, line) for line in maps)
    with open(served.kubeconfig, encoding="utf-8") as file:
        token = next(line.split()[1] for line in file if line.strip().startswith("token:"))
    assert token.encode()[-40:] not in held


def read_region(memory, line):
    """The bytes of a writable mapping; none of those that cannot be read."""
    addresses, rights = line.split()[:2]
    if not rights.startswith("rw"):
        return b""
    first, end = (int(part, 16) for part in addresses.split("-"))
    memory.seek(first)
    try:
        return memory.read(end - first)
    except OSError:
        return b""
