"""The objects that cert-manager makes for an HTTP-01 challenge, in its order: solver beside an existing host, certificate,
and again when it is renewed."""

import pytest
from kube.objects import deployment, service
from kube.site import shown_certificate, who
from support.manifests import path, secret, with_tls
from support.tls_client import TlsClient, client_context
from support.waiting import eventually

HOST, TOKEN, SOLVER = "shop.test", "/.well-known/acme-challenge/Zm9v", "cm-acme-http-solver"
SOLVER_PORT = 8089


def asked(site, target):
    """Who answers in the end: as the authority does, it goes where it is sent, and asks no certificate."""
    answer = site.served_by(HOST, target)
    if answer != 308:
        return answer
    with TlsClient(site.proxyd.address("https-0"), client_context(), HOST) as client:
        return who(client.request(target=target, host=HOST))


def present(site, how):
    """What cert-manager makes before it says that the challenge is ready."""
    site.api.create(deployment(SOLVER, site.namespace), service(SOLVER, site.namespace, port=SOLVER_PORT))
    site.lab.wait_deployed(site.namespace, SOLVER)
    solver_path = path(TOKEN, SOLVER, port=SOLVER_PORT, path_type="ImplementationSpecific")
    if how == "ingress of its own":
        site.create_ingress(SOLVER, HOST, [solver_path])
    else:  # acme.cert-manager.io/http01-edit-in-place
        site.change("shop", {"rules": site.ingress("x", HOST, [path("/", "app"), solver_path])["spec"]["rules"]})


def clean_up(site, how):
    if how == "ingress of its own":
        site.api.delete("Ingress", site.namespace, SOLVER)
    else:
        site.change("shop", {"rules": site.ingress("x", HOST, [path("/", "app")])["spec"]["rules"]})
    site.api.delete("Service", site.namespace, SOLVER)
    site.api.delete("Deployment", site.namespace, SOLVER)


@pytest.mark.parametrize("how", ["ingress of its own", "edit in place"])
def test_issued_and_renewed(site, run_proxyd, authority, how):
    site.proxyd = proxyd = run_proxyd("--https", "127.0.0.1:0").wait_ready()
    site.deploy("app")
    site.api.create(with_tls(site.ingress("shop", HOST, [path("/", "app")]), "shop-tls", HOST))
    site.wait({(HOST, "/"): "app"})  # its Secret is not there yet: plain HTTP serves
    for serial in (1, 2):
        present(site, how)
        eventually(lambda: asked(site, TOKEN) == SOLVER, "the solver to answer")
        assert asked(site, "/") == "app" and asked(site, "/.well-known/acme-challenge/other") == "app"
        made = authority.make(HOST, serial=serial)
        site.api.apply(secret("shop-tls", made, site.namespace))
        clean_up(site, how)
        eventually(lambda: shown_certificate(proxyd, HOST) == made.der, "the certificate")
        eventually(lambda: asked(site, TOKEN) == "app", "the solver to go")
