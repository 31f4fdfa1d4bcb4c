"""What proxyd writes: the addresses of Ingresses, by one of several, and what others make of them."""

import pytest
from support.manifests import metadata, path
from support.waiting import eventually

ADDRESS = "10.250.0.1"


def shown(site, name):
    """status.loadBalancer.ingress of an Ingress; empty when there is none."""
    return site.api.get("Ingress", site.namespace, name).get("status", {}).get("loadBalancer", {}).get("ingress") or []


def wait_shown(site, name, *addresses):
    wanted = [{"ip" if address[0].isdigit() else "hostname": address} for address in addresses]
    strip = ("ports",)
    eventually(lambda: [{k: v for k, v in entry.items() if k not in strip} for entry in shown(site, name)] == wanted,
               f"status {wanted} of {name}")


@pytest.fixture
def run_writer(site, run_proxyd):
    """run_writer(*args): proxyd that takes part in the election of this test."""
    def run(*args):
        return run_proxyd("--election-namespace", site.namespace, "--election-id", "test", *args).wait_ready()

    return run


def holder(site):
    lease = site.api.find("Lease", site.namespace, "test")
    return lease and lease["spec"].get("holderIdentity")


def test_addresses_are_shown_and_taken_away_with_the_class(site, run_writer):
    run_writer("--publish-address", ADDRESS)
    site.create_ingress("web", "web.test", [path("/", "app")])
    site.create_ingress("other", "other.test", [path("/", "app")], class_name="somebody-else")
    wait_shown(site, "web", ADDRESS)
    assert shown(site, "other") == []
    site.change("web", {"ingressClassName": "somebody-else"})
    wait_shown(site, "web")
    site.change("web", {"ingressClassName": site.class_name})
    wait_shown(site, "web", ADDRESS)


def test_addresses_of_a_service(site, run_writer):
    def set_addresses(*entries):
        site.api.patch("Service", site.namespace, "front", {"status": {"loadBalancer": {"ingress": list(entries)}}}, "/status")

    site.api.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata("front", site.namespace),
                     "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}})
    set_addresses({"ip": "10.250.0.7"})
    run_writer("--publish-service", f"{site.namespace}/front")
    site.create_ingress("web", "web.test", [path("/", "app")])
    wait_shown(site, "web", "10.250.0.7")
    set_addresses({"hostname": "lb.test"})
    wait_shown(site, "web", "lb.test")


def test_nothing_is_written_when_nothing_changed(site, run_writer):
    run_writer("--publish-address", ADDRESS)
    for name in ("one", "two"):
        site.create_ingress(name, f"{name}.test", [path("/", "app")])
        wait_shown(site, name, ADDRESS)
    before = site.api.get("Ingress", site.namespace, "one")["metadata"]["resourceVersion"]
    # The status of the second is written after the first was looked at again.
    site.api.patch("Ingress", site.namespace, "two", {"status": {"loadBalancer": {"ingress": []}}}, "/status")
    wait_shown(site, "two", ADDRESS)
    assert site.api.get("Ingress", site.namespace, "one")["metadata"]["resourceVersion"] == before


def test_one_of_several_writes_and_hands_over(site, run_writer):
    first = run_writer("--publish-address", "10.250.0.1")
    first_holder = eventually(lambda: holder(site), "a leader")
    second = run_writer("--publish-address", "10.250.0.2")
    site.create_ingress("web", "web.test", [path("/", "app")])
    wait_shown(site, "web", "10.250.0.1")
    first.process.terminate()
    assert first.wait_exit() == 0
    eventually(lambda: holder(site) not in (first_holder, None, ""), "the other to lead", 10)
    wait_shown(site, "web", "10.250.0.2")
    # Without a word, it takes as long as the Lease lasts.
    third = run_writer("--publish-address", "10.250.0.3")
    second.kill()
    wait_shown(site, "web", "10.250.0.3")
    # Of the writing, that is: the Ingress has no Service.
    assert [problem for problem in third.problems() if problem["object"]["name"] != "web"] == []


def external_dns(ingresses):
    """{host: targets}, as external-dns' source "ingress" reads them."""
    records = {}
    for item in ingresses:
        targets = [entry.get("ip") or entry.get("hostname")
                   for entry in item.get("status", {}).get("loadBalancer", {}).get("ingress") or []]
        hosts = [rule["host"] for rule in item["spec"].get("rules") or [] if rule.get("host")]
        hosts += [host for entry in item["spec"].get("tls") or [] for host in entry.get("hosts") or []]
        records.update({host: targets for host in hosts if targets})
    return records


def test_external_dns_finds_its_records(site, run_writer):
    run_writer("--publish-address", ADDRESS)
    site.create_ingress("web", rules=[("a.test", [path("/", "app")]), ("*.b.test", [path("/", "app")])])
    site.create_ingress("other", "other.test", [path("/", "app")], class_name="somebody-else")

    def records():
        return external_dns(site.api.list("Ingress", site.namespace))

    eventually(lambda: records() == {"a.test": [ADDRESS], "*.b.test": [ADDRESS]}, "the records")
    site.change("web", {"ingressClassName": "somebody-else"})
    eventually(lambda: records() == {}, "the records to go")
