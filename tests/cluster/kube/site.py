"""The objects of one test: a namespace, an IngressClass of its own, and who has to answer what."""

import json

from support.http_client import fetch
from support.manifests import ingress
from support.tls_client import HandshakeFailed, TlsClient, client_context
from support.waiting import eventually

from .objects import app
from .oracle import answer


class Site:
    def __init__(self, lab, namespace, class_name, controller):
        self.lab, self.api = lab, lab.api
        self.namespace, self.class_name, self.controller = namespace, class_name, controller
        self.proxyd = None

    def deploy(self, *names, replicas=1):
        """Deployments with Services of these names, whose Pods run when it returns."""
        for name in names:
            self.api.create(app(name, self.namespace, replicas))
        self.lab.wait_deployed(self.namespace, *names)

    def ingress(self, name, host=None, paths=(), **more):
        """The object, of this site's class unless `class_name` says otherwise."""
        return ingress(name, host, paths, self.namespace, class_name=more.pop("class_name", self.class_name), **more)

    def create_ingress(self, *args, **kwargs):
        return self.api.create(self.ingress(*args, **kwargs))

    def change(self, name, spec):
        """Merges `spec` into that of an Ingress."""
        return self.api.patch("Ingress", self.namespace, name, {"spec": spec})

    def ingresses(self):
        return [item for item in self.api.list("Ingress", self.namespace)
                if item["spec"].get("ingressClassName") == self.class_name]

    def served_by(self, host, target="/", proxyd=None):
        """The Service that answers, else the status."""
        return who(fetch((proxyd or self.proxyd).http, target, host=host))

    def wait(self, rows, proxyd=None, patience_s=30.0):
        """Until each (host, target) of `rows` is answered by its Service or with its status."""
        got = {}

        def is_so():
            got.clear()
            got.update({asked: self.served_by(*asked, proxyd=proxyd) for asked in rows})
            return got == rows

        try:
            eventually(is_so, "the answers", patience_s)
        except AssertionError:
            assert got == rows

    def expected(self, requests):
        """What the oracle says of (host, target)s, as wait() takes it."""
        ingresses = self.ingresses()
        found = {asked: answer(ingresses, *asked) for asked in requests}
        return {asked: name[1] if name else 404 for asked, name in found.items()}


def who(response):
    return json.loads(response.body)["service"] if response.status == 200 else response.status


def shown_certificate(proxyd, name):
    """The certificate for a server name, as DER; None when there is none."""
    try:
        with TlsClient(proxyd.address("https-0"), client_context(), name) as client:
            return client.certificate
    except HandshakeFailed:
        return None
