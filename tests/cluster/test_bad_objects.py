"""One malformed object of each kind among many (CLUSTER_SIZE): the others serve, and the reason is where people look for it.

The API server lets all of these in: what it checks is not what a proxy has to know.
"""

import base64
from concurrent.futures import ThreadPoolExecutor

from kube.objects import service
from kube.site import shown_certificate
from support.http_client import RawClient
from support.manifests import endpoint_slice, metadata, path, secret, with_tls
from support.waiting import eventually

NUM_SERVICES = 50


def create_many(site, size):
    """Ingresses of their own hosts, whose Services share one Pod."""
    site.deploy("app")
    site.api.create([service(f"service-{i}", site.namespace, app="app") for i in range(NUM_SERVICES)])
    hosts = [f"host-{number}.many.test" for number in range(size)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda item: site.create_ingress(f"many-{item[0]}", item[1], [
            path("/", f"service-{item[0] % NUM_SERVICES}")]), enumerate(hosts)))
    return hosts


def wrongly_answered(proxyd, hosts):
    """{host: status} of those that "app" does not answer, asked over one connection."""
    wrong = {}
    with RawClient(proxyd.http) as client:
        for host in hosts:
            response = client.request(host=host)
            if response.status != 200 or b'"service": "app"' not in response.body:
                wrong[host] = response.status
    return wrong


def bad_objects(site):
    """{(kind, name): objects}: the bad one, and what leads to it."""
    space = site.namespace
    bad_path = path("/%zz", "app", path_type="ImplementationSpecific")
    return {
        ("Ingress", "bad-ingress"): [site.ingress("bad-ingress", "bad-ingress.test", [bad_path])],
        ("Secret", "bad-secret"): [
            secret("bad-secret", None, space, chain="no certificate", key="no key"),
            with_tls(site.ingress("with-bad-secret", "bad-secret.test", [path("/", "app")]), "bad-secret", "bad-secret.test")],
        ("Service", "bad-service"): [
            {"apiVersion": "v1", "kind": "Service", "metadata": metadata("bad-service", space),
             "spec": {"type": "ExternalName", "externalName": "elsewhere.test", "ports": [{"port": 80}]}},
            site.ingress("with-bad-service", "bad-service.test", [path("/", "bad-service")])],
        ("EndpointSlice", "bad-slice-0"): [
            service("bad-slice", space, app="nobody"), fqdn_slice("bad-slice", space),
            site.ingress("with-bad-slice", "bad-slice.test", [path("/", "bad-slice")])],
    }


def fqdn_slice(name, space):
    made, = endpoint_slice(name, [("elsewhere.test", 80)], space, port_name="http")
    return {**made, "addressType": "FQDN"}


def test_each_hurts_only_itself(site, run_proxyd, size, note):
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0").wait_ready()
    hosts = create_many(site, size)
    eventually(lambda: not wrongly_answered(proxyd, hosts[-1:]), "the last one to be served", 60)
    bad = bad_objects(site)
    for objects in bad.values():
        site.api.create(objects)

    def named():
        return {(p["object"]["kind"], p["object"]["name"]) for p in proxyd.problems()}

    # What is bad of a Service is said of the Ingress that wants it.
    wanted = {("Ingress", "bad-ingress"), ("Secret", "bad-secret"), ("Ingress", "with-bad-service")}
    eventually(lambda: wanted <= named(), "the problems")
    assert {p["source"] for p in proxyd.problems()} == {"cluster"}
    for problem in proxyd.problems():
        assert problem["why"] and problem["fix"], problem
    assert wrongly_answered(proxyd, hosts) == {}
    rows = {("bad-ingress.test", "/"): 404, ("bad-service.test", "/"): 503, ("bad-slice.test", "/"): 503}
    site.wait(rows)
    # Bad ones and others change, and all is as it should be again.
    site.change("many-0", {"rules": site.ingress("x", hosts[0], [path("/", "service-1")])["spec"]["rules"]})
    site.change("bad-ingress", {"rules": site.ingress("x", "bad-ingress.test", [path("/", "app")])["spec"]["rules"]})
    site.wait({("bad-ingress.test", "/"): "app", (hosts[0], "/"): "app"})
    eventually(lambda: ("Ingress", "bad-ingress") not in named(), "the problem to go")
    note(f"{len(bad)} bad objects among {size}: the others serve")


def test_the_reason_is_an_event_on_the_object(site, run_proxyd):
    site.proxyd = run_proxyd("--publish-address", "10.250.0.1", "--election-namespace", site.namespace).wait_ready()
    site.api.create(bad_objects(site)["Ingress", "bad-ingress"])

    def events():
        return [e for e in site.api.list("Event", site.namespace) if e["involvedObject"]["name"] == "bad-ingress"]

    event = eventually(events, "an Event on the Ingress")[0]
    assert event["type"] == "Warning" and event["involvedObject"]["kind"] == "Ingress"
    problem = eventually(lambda: [p for p in site.proxyd.problems() if p["object"]["name"] == "bad-ingress"], "the problem")[0]
    assert problem["why"] in event["message"], event


def test_a_certificate_that_goes_bad_keeps_the_last_good_one_of_it_alone(site, run_proxyd, authority):
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0").wait_ready()
    site.deploy("app")
    made = {name: authority.make(f"{name}.test") for name in ("good", "bad")}
    for name, certificate in made.items():
        site.api.create(secret(name, certificate, site.namespace),
                        with_tls(site.ingress(name, f"{name}.test", [path("/", "app")]), name, f"{name}.test"))
    for name, certificate in made.items():
        eventually(lambda: shown_certificate(proxyd, f"{name}.test") == certificate.der, f"the certificate of {name}")
    broken = base64.b64encode(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").decode()
    site.api.patch("Secret", site.namespace, "bad", {"data": {"tls.crt": broken}})
    eventually(lambda: any(p["object"]["name"] == "bad" for p in proxyd.problems()), "the problem")
    for name, certificate in made.items():
        assert shown_certificate(proxyd, f"{name}.test") == certificate.der
