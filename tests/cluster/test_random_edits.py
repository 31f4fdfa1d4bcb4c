"""Random changes of objects under load: routes that nobody touches do not notice, and in the end all routes are as the
oracle says. CLUSTER_SEED chooses others, CLUSTER_EDITS how many."""

import os
import random

import pytest
from kube.api import ApiError
from kube.objects import service
from kube.lab import Load
from support.manifests import backend_of, endpoint_slice, path

EDITS = int(os.environ.get("CLUSTER_EDITS", "300"))
SEED = int(os.environ.get("CLUSTER_SEED", "7"))
REQUESTS_PER_EDIT = 40  # between two edits, so that the load sees each
SERVICES = [f"app-{i}" for i in range(5)]
HOSTS = [f"h{i}.edits.test" for i in range(4)] + ["*.edits.test", "*.h0.edits.test", None]
PATHS = ["/", "/a", "/a/b", "/a/b/", "/ab", "/c"]
ASKED_HOSTS = [f"h{i}.edits.test" for i in range(6)] + ["x.h0.edits.test", "y.x.h0.edits.test", "elsewhere.test"]
ASKED_PATHS = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/ab", "/abc", "/c/d"]
STABLE = [(f"stable-{i}.test", f"/x/{i}", SERVICES[i]) for i in range(len(SERVICES))]


class Editor:
    """Creates, changes and deletes objects that are not the stable ones."""

    def __init__(self, site, seed):
        self.site, self.api, self.random = site, site.api, random.Random(seed)
        self.names = set()
        self.counts = {}

    def edit(self):
        action = self.random.choices(
            [self.create, self.change, self.delete, self.change_class, self.touch, self.change_service, self.scale],
            [6, 6, 3, 1, 1, 2, 1])[0]
        self.counts[action.__name__] = self.counts.get(action.__name__, 0) + 1
        action()

    def rules(self):
        def paths():
            return [path(value, self.random.choice(SERVICES), path_type=self.random.choice(["Prefix", "Exact"]))
                    for value in self.random.sample(PATHS, self.random.randint(1, 3))]

        return [(host, paths()) for host in self.random.sample(HOSTS, self.random.randint(0, 2))]

    def spec(self):
        rules = self.rules()
        default = None
        if not rules or self.random.random() < 0.2:
            default = backend_of(self.random.choice(SERVICES))
        return {"rules": rules, "default_backend": default}

    def create(self):
        name = f"edit-{self.random.randint(0, 39)}"
        if name in self.names:
            return self.change()
        self.names.add(name)
        return self.site.create_ingress(name, **self.spec())

    def some(self):
        return self.random.choice(sorted(self.names)) if self.names else None

    def change(self):
        name = self.some()
        if name is None:
            return self.create()
        stored = self.api.get("Ingress", self.site.namespace, name)
        stored["spec"] = self.site.ingress(name, **self.spec())["spec"]
        path_ = f"/apis/networking.k8s.io/v1/namespaces/{self.site.namespace}/ingresses/{name}"
        try:
            return self.api.call("PUT", path_, stored)
        except ApiError as error:  # its status was written meanwhile
            if error.code != 409:
                raise
            return self.change()

    def delete(self):
        name = self.some()
        if name is not None:
            self.names.remove(name)
            self.api.delete("Ingress", self.site.namespace, name)

    def change_class(self):
        name = self.some()
        if name is not None:
            self.site.change(name, {"ingressClassName": self.random.choice([self.site.class_name, "somebody-else"])})

    def touch(self):
        """Nothing that routes go by."""
        name = self.some()
        if name is not None:
            annotations = {"example.test/note": str(self.random.random())}
            self.api.patch("Ingress", self.site.namespace, name, {"metadata": {"annotations": annotations}})

    def change_service(self):
        """One that no Ingress names, and its hand-made endpoints."""
        self.api.apply(service("unused", self.site.namespace, app="nobody"),
                       endpoint_slice("unused", [("10.244.255.1", self.random.randint(1000, 2000))], self.site.namespace))

    def scale(self):
        """Pods of another Deployment."""
        self.api.patch("Deployment", self.site.namespace, "spare", {"spec": {"replicas": self.random.randint(0, 3)}})


@pytest.mark.parametrize("seed", [SEED])
def test_stable_routes_do_not_notice_and_the_rest_is_as_the_oracle_says(site, proxyd, lab, seed, note):
    site.deploy("spare", *SERVICES)
    for number, (host, _, name) in enumerate(STABLE):
        site.create_ingress(f"stable-{number}", host, [path("/", name)])
    site.wait({(host, target): name for host, target, name in STABLE})
    editor = Editor(site, seed)
    with Load(lab, proxyd.http, STABLE) as load:
        for _ in range(EDITS):
            editor.edit()
            load.wait_more(REQUESTS_PER_EDIT)
    result = load.check()
    note(f"{EDITS} edits ({editor.counts}) under {result['rate']:.0f} requests/s: {result['ok']} answered, 0 failed; "
         f"p50 {result['p50_ms']} ms, p99 {result['p99_ms']} ms")
    asked = [(host, target) for host in ASKED_HOSTS for target in ASKED_PATHS]
    expected = site.expected(asked)
    assert len(set(expected.values())) > 3, "the edits have left nothing to compare"
    site.wait(expected)
