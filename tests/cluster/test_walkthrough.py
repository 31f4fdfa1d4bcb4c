"""From a Deployment to an answer, and what becomes of it when its objects change and go."""

import json

from kube.objects import ingress_class, service
from kube.site import shown_certificate
from support.http_client import fetch
from support.manifests import backend_of, path, secret, with_tls
from support.waiting import eventually


def test_deployed_served_changed_and_deleted(site, proxyd):
    site.deploy("one", "two", replicas=2)
    site.create_ingress("web", "web.test", [path("/", "one")])
    site.wait({("web.test", "/"): "one", ("other.test", "/"): 404})
    site.change("web", {"rules": site.ingress("web", "web.test", [path("/", "one"), path("/two", "two")])["spec"]["rules"]})
    site.wait({("web.test", "/"): "one", ("web.test", "/two/x"): "two"})
    site.api.delete("Ingress", site.namespace, "web")
    site.wait({("web.test", "/"): 404, ("web.test", "/two"): 404})
    assert proxyd.problems() == []


def test_pods_come_and_go(site, proxyd):
    site.deploy("app")
    site.create_ingress("web", "web.test", [path("/", "app")])
    site.wait({("web.test", "/"): "app"})

    def pods_that_answer():
        return {json.loads(fetch(proxyd.http, host="web.test").body)["pod"] for _ in range(20)}

    site.api.patch("Deployment", site.namespace, "app", {"spec": {"replicas": 3}})
    eventually(lambda: len(pods_that_answer()) == 3, "three Pods to answer")
    site.api.patch("Deployment", site.namespace, "app", {"spec": {"replicas": 0}})
    site.wait({("web.test", "/"): 503})
    site.api.patch("Deployment", site.namespace, "app", {"spec": {"replicas": 1}})
    site.wait({("web.test", "/"): "app"})


def test_a_service_that_comes_late_and_changes_its_pods(site, proxyd):
    site.deploy("blue", "green")
    site.create_ingress("web", "web.test", [path("/", "front")])
    site.wait({("web.test", "/"): 503})
    site.api.create(service("front", site.namespace, app="blue"))
    site.wait({("web.test", "/"): "blue"})
    site.api.patch("Service", site.namespace, "front", {"spec": {"selector": {"app": "green"}}})
    site.wait({("web.test", "/"): "green"})
    site.api.delete("Service", site.namespace, "front")
    site.wait({("web.test", "/"): 503})


def test_certificates_come_change_and_go(site, run_proxyd, authority):
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0").wait_ready()
    site.deploy("app")
    first, second = authority.make("web.test", serial=1), authority.make("web.test", serial=2)
    site.api.create(secret("tls", first, site.namespace))
    site.api.create(with_tls(site.ingress("web", "web.test", [path("/", "app")]), "tls", "web.test"))
    eventually(lambda: shown_certificate(proxyd, "web.test") == first.der, "the certificate")
    site.api.apply(secret("tls", second, site.namespace))
    eventually(lambda: shown_certificate(proxyd, "web.test") == second.der, "the renewed certificate")
    # What cannot be read leaves the last good one; what is gone takes it away at once.
    site.api.apply(secret("tls", second, site.namespace, chain="no certificate"))
    eventually(lambda: any(p["object"]["name"] in ("tls", "web") for p in proxyd.problems()), "the problem")
    assert shown_certificate(proxyd, "web.test") == second.der
    site.api.delete("Secret", site.namespace, "tls")
    eventually(lambda: shown_certificate(proxyd, "web.test") is None, "the certificate to go")


def test_an_ingress_leaves_our_class_and_comes_back(site, proxyd):
    site.deploy("app", "spare")
    site.create_ingress("web", "web.test", [path("/", "app")], default_backend=backend_of("spare"))
    site.wait({("web.test", "/"): "app"})
    site.change("web", {"ingressClassName": "somebody-else"})
    site.wait({("web.test", "/"): 404})
    site.change("web", {"ingressClassName": site.class_name})
    site.wait({("web.test", "/"): "app"})
    site.api.delete("IngressClass", None, site.class_name)
    site.wait({("web.test", "/"): 404})
    site.api.create(ingress_class(site.class_name, site.controller))
    site.wait({("web.test", "/"): "app"})
