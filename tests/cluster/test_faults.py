"""The API server's bad days, played by a proxy in front of it or by stopping it: what is served stays right throughout, and what
changed meanwhile is served within CONVERGED_S of their end.

FAULT_SECONDS is how long each goes on after it has hit (default 3); some last longer by their nature.
"""

import os
import time

import pytest
from kube.fixtures import ACCOUNT, SYSTEM
from kube.lab import Load
from kube.site import shown_certificate
from support.http_client import fetch
from support.manifests import path, secret, with_tls
from support.waiting import eventually

SECONDS = float(os.environ.get("FAULT_SECONDS", "3"))
CONVERGED_S = 5.0
HALF_OPEN_S = 35.0  # within 30 s a watch that says nothing has to be given up
RATE = 500


class Changes:
    """What is changed while the fault goes on, and what has to be served before and after."""

    def __init__(self, site):
        self.site = site
        site.deploy("one", "two")
        for name in ("stable", "changed", "deleted"):
            site.create_ingress(name, f"{name}.test", [path("/", "one")])
        self.stable = ("stable.test", "/", "one")
        self.before = {("stable.test", "/"): "one", ("changed.test", "/"): "one", ("deleted.test", "/"): "one",
                       ("created.test", "/"): 404}
        self.after = {("stable.test", "/"): "one", ("changed.test", "/"): "two", ("deleted.test", "/"): 404,
                      ("created.test", "/"): "two"}

    def make(self):
        """Each object more than once, so that events of one follow each other."""
        site = self.site
        site.create_ingress("created", "created.test", [path("/", "one")])
        for name in ("one", "two", "one", "two"):
            for changed in ("created", "changed"):
                site.change(changed, {"rules": site.ingress("x", f"{changed}.test", [path("/", name)])["spec"]["rules"]})
        site.api.delete("Ingress", site.namespace, "deleted")
        site.create_ingress("deleted", "deleted.test", [path("/", "two")])
        site.api.delete("Ingress", site.namespace, "deleted")


@pytest.fixture
def changes(site):
    return Changes(site)


@pytest.fixture
def behind_faults(lab, site, run_proxyd, faults, changes, tmp_path):
    """proxyd that sees the API server by way of the proxy with faults, and has read all."""
    kubeconfig = lab.account_kubeconfig(SYSTEM, ACCOUNT, tmp_path / "kubeconfig", faults.server)
    site.proxyd = run_proxyd(source=kubeconfig).wait_ready()
    site.wait(changes.before)
    return site.proxyd


def last(fault_seconds):
    """A fault goes on for a while, in which nothing is to be waited for."""
    time.sleep(fault_seconds)


def check_converged(site, changes, note, what, ended):
    site.wait(changes.after, patience_s=CONVERGED_S)
    note(f"{what}: all changes served {time.monotonic() - ended:.2f} s after its end")


# Mode and its limits, and whether the changes can reach proxyd while it goes on.
FAULTS = {
    "reset": ({}, False), "refuse": ({}, False), "silence": ({}, False), "slow": ({"bytes": 100}, True),
    "throttle": ({"seconds": 1}, False), "fail": ({}, False), "gone": ({}, True), "gonelate": ({}, True),
    "bookmarks": ({}, False), "duplicate": ({}, True), "reorder": ({}, True),
}


@pytest.mark.parametrize("mode", FAULTS)
def test_what_is_served_stays_and_what_changed_comes_soon(mode, site, lab, faults, behind_faults, changes, note):
    limits, gets_through = FAULTS[mode]
    with Load(lab, behind_faults.http, [changes.stable], rate=RATE) as load:
        faults.set(mode, **limits)
        changes.make()
        faults.wait_hits()
        last(SECONDS)
        assert site.served_by("stable.test") == "one"
        if not gets_through:
            site.wait(changes.before)
        faults.clear()
        ended = time.monotonic()
        check_converged(site, changes, note, mode, ended)
    load.check()


def test_a_connection_that_is_half_open_is_given_up(site, lab, faults, behind_faults, changes, note):
    with Load(lab, behind_faults.http, [changes.stable], rate=RATE) as load:
        began = time.monotonic()
        faults.set("halfopen")
        faults.clear()
        changes.make()
        site.wait(changes.after, patience_s=HALF_OPEN_S + CONVERGED_S)
        note(f"half open: noticed, and all changes served, within {time.monotonic() - began:.1f} s")
    load.check()


def write_token_kubeconfig(lab, folder, server):
    """A kubeconfig that names a file with the token."""
    (folder / "token").write_text(lab.token(SYSTEM, ACCOUNT), encoding="ascii")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(f"""apiVersion: v1
kind: Config
clusters:
- name: lab
  cluster:
    server: {server}
    certificate-authority: {lab.path("ca.crt")}
users:
- name: proxyd
  user:
    tokenFile: {folder / "token"}
contexts:
- name: lab
  context: {{cluster: lab, user: proxyd}}
current-context: lab
""", encoding="ascii")
    return str(kubeconfig)


def test_an_expired_token_is_read_again(site, lab, faults, run_proxyd, changes, tmp_path, note):
    site.proxyd = run_proxyd(source=write_token_kubeconfig(lab, tmp_path, faults.server)).wait_ready()
    site.wait(changes.before)
    with Load(lab, site.proxyd.http, [changes.stable], rate=RATE) as load:
        faults.set("expire")
        changes.make()
        faults.wait_hits()
        last(SECONDS)
        site.wait(changes.before)
        (tmp_path / "token").write_text(lab.token(SYSTEM, ACCOUNT), encoding="ascii")
        check_converged(site, changes, note, "expired token", time.monotonic())
    load.check()


@pytest.mark.parametrize("part, action", [("kube-apiserver", "kill"), ("kube-apiserver", "stop"), ("etcd", "stop")])
def test_parts_that_stop_and_start(part, action, site, lab, proxyd, changes, note):
    site.wait(changes.before)
    with Load(lab, proxyd.http, [changes.stable], rate=RATE) as load:
        try:
            changes.make()  # the last events may not have come when it stops
            lab.control(part, action)
            last(SECONDS)
            assert site.served_by("stable.test") == "one"
        finally:
            lab.control(part, "start")
            lab.wait_ready()
        check_converged(site, changes, note, f"{action} {part}", time.monotonic())
        # Watches work again, too.
        site.change("stable", {"rules": site.ingress("x", "stable.test", [path("/", "one"), path("/two", "two")])["spec"]["rules"]})
        site.wait({("stable.test", "/two"): "two"})
    load.check()


def test_a_relist_of_many_objects_never_shows_a_part_of_them(site, lab, faults, behind_faults, changes, size, note):
    rows = {}
    for number in range(size):
        site.create_ingress(f"many-{number}", f"many-{number}.test", [path("/", "two")])
        rows[f"many-{number}.test", "/"] = "two"
    site.wait(rows)
    watched = [changes.stable] + [(host, target, "two") for host, target in rows]
    with Load(lab, behind_faults.http, watched, rate=RATE) as load:
        for mode in ("gone", "reset", "gonelate"):
            faults.set(mode)
            faults.wait_hits()
            load.wait_more(len(watched))
            faults.clear()
            load.wait_more(len(watched))
        changes.make()
        ended = time.monotonic()
        check_converged(site, changes, note, f"relists of {size} more Ingresses", ended)
    load.check()


def test_started_while_the_api_server_is_away(site, faults, lab, run_proxyd, changes, tmp_path):
    """It is not ready before it has read everything, and then is."""
    kubeconfig = lab.account_kubeconfig(SYSTEM, ACCOUNT, tmp_path / "kubeconfig", faults.server)
    faults.set("refuse")
    site.proxyd = run_proxyd(source=kubeconfig)
    last(SECONDS)
    assert fetch(site.proxyd.admin, "/readyz").status == 503
    faults.set("slow", bytes=2000)
    faults.wait_hits()
    assert fetch(site.proxyd.admin, "/readyz").status == 503
    faults.clear()
    site.proxyd.wait_ready()
    # From the first answer on, all is there.
    assert {asked: site.served_by(*asked) for asked in changes.before} == changes.before


def test_a_certificate_renewed_meanwhile_is_shown_after(site, lab, faults, run_proxyd, authority, tmp_path):
    kubeconfig = lab.account_kubeconfig(SYSTEM, ACCOUNT, tmp_path / "kubeconfig", faults.server)
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0", source=kubeconfig).wait_ready()
    site.deploy("app")
    first, second = authority.make("web.test", serial=1), authority.make("web.test", serial=2)
    site.api.create(secret("tls", first, site.namespace),
                    with_tls(site.ingress("web", "web.test", [path("/", "app")]), "tls", "web.test"))
    eventually(lambda: shown_certificate(proxyd, "web.test") == first.der, "the certificate")
    faults.set("fail")
    site.api.apply(secret("tls", second, site.namespace))
    faults.wait_hits()
    last(SECONDS)
    assert shown_certificate(proxyd, "web.test") == first.der
    faults.clear()
    eventually(lambda: shown_certificate(proxyd, "web.test") == second.der, "the renewed one", CONVERGED_S)
