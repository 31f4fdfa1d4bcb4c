"""Two of proxyd behind a Service, as two Pods would be, restarted one after the other under load."""

import threading

from kube.lab import Load
from support.manifests import metadata, path
from support.http_client import fetch
from support.waiting import eventually

ADDRESSES = ["10.250.1.1", "10.250.1.2"]
PORT = 8080


class Readiness:
    """What the kubelet does for the Pods of a Service: asks who is ready, and says so in the EndpointSlice."""

    def __init__(self, site, name):
        self.site, self.name = site, name
        self.daemons = {}  # by address
        self.said = {}
        self.stopping = threading.Event()
        self.failures = []
        site.api.create({"apiVersion": "v1", "kind": "Service", "metadata": metadata(name, site.namespace),
                         "spec": {"ports": [{"name": "http", "port": 80, "targetPort": PORT}]}}, self.slice())
        self.address = site.api.get("Service", site.namespace, name)["spec"]["clusterIP"] + ":80"
        self.thread = threading.Thread(target=self._run, daemon=True)

    def slice(self):
        return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": metadata(self.name, self.site.namespace, labels={"kubernetes.io/service-name": self.name}),
                "endpoints": [{"addresses": [address], "conditions": {"ready": self.said.get(address, False)}}
                              for address in ADDRESSES],
                "ports": [{"name": "http", "port": PORT}]}

    def is_ready(self, address):
        try:
            return fetch(self.daemons[address].admin, "/readyz").status == 200
        except (KeyError, OSError, AssertionError):
            return False

    def _run(self):
        try:
            while not self.stopping.wait(0.05):
                now = {address: self.is_ready(address) for address in ADDRESSES}
                if now != self.said:
                    self.said = now
                    self.site.api.apply(self.slice())
        except Exception as failure:  # noqa: shown by the test
            self.failures.append(repr(failure))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join(30)
        assert self.failures == []

    def wait_ready(self, *addresses):
        eventually(lambda: all(self.said.get(address) for address in addresses) or self.failures, f"{addresses} to be ready")


def test_no_request_fails_while_one_after_the_other_restarts(site, run_proxyd, lab, note):
    site.deploy("app")
    site.create_ingress("web", "web.test", [path("/", "app")])
    readiness = Readiness(site, "front")

    def run(address):
        readiness.daemons[address] = run_proxyd("--http", f"{address}:{PORT}", "--shutdown-delay", "2s")

    for address in ADDRESSES:
        run(address)
    with readiness:
        readiness.wait_ready(*ADDRESSES)
        site.wait({("web.test", "/"): "app"}, proxyd=readiness.daemons[ADDRESSES[0]])
        with Load(lab, readiness.address, [("web.test", "/", "app")], requests_per_connection=50) as load:
            for address in ADDRESSES:
                load.wait_more(1000)
                readiness.daemons[address].process.terminate()
                assert readiness.daemons[address].wait_exit() == 0
                run(address)
                readiness.wait_ready(*ADDRESSES)
            load.wait_more(1000)
    result = load.check()
    note(f"two restarts under {result['rate']:.0f} requests/s: {result['ok']} answered, 0 failed, at most {result['max_ms']} ms")
