"""The running lab: its folder, its API server, its faults and its load. KUBELAB and KUBELAB_STATE name program and folder."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import threading

from support.waiting import eventually

from .api import Api, ApiError


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def call_unix(path, method, target, body=None):
    connection = UnixConnection(path)
    connection.request(method, target, json.dumps(body) if body is not None else None)
    response = connection.getresponse()
    text = response.read().decode()
    connection.close()
    assert response.status == 200, f"{method} {target}: {response.status} {text}"
    return json.loads(text) if text else None


class Lab:
    def __init__(self):
        self.program, self.folder = os.environ["KUBELAB"], os.environ["KUBELAB_STATE"]
        self.api = Api("127.0.0.1", 6443, self.path("ca.crt"), client=self.path("admin"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def control(self, part, action):
        """start or stop etcd or kube-apiserver, or kill the latter."""
        call_unix(self.path("control.sock"), "POST", f"/{part}/{action}")

    def wait_ready(self):
        def is_ready():
            try:
                return self.api.call("GET", "/readyz")
            except (OSError, ApiError, http.client.HTTPException):
                return False

        eventually(is_ready, "the API server to be ready", 60)

    def account_kubeconfig(self, namespace, name, output, server=None):
        """A kubeconfig with the token of a ServiceAccount, for the API server or for what stands at `server`."""
        more = ["--server", server] if server else []
        subprocess.run([self.program, "serviceaccount-kubeconfig", "--kubeconfig", self.path("admin.kubeconfig"),
                        "--namespace", namespace, "--name", name, "--output", str(output), *more],
                       check=True, timeout=60)
        return str(output)

    def token(self, namespace, name, seconds=3600):
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        return self.api.call("POST", path, request)["status"]["token"]

    def wait_deployed(self, namespace, *names):
        """Until the Pods of each Deployment are ready and in an EndpointSlice of the Service of that name."""
        def ready_pods(name):
            slices = self.api.list("EndpointSlice", namespace, labelSelector="kubernetes.io/service-name=" + name)
            return sum(e["conditions"].get("ready", True) for s in slices for e in s.get("endpoints") or [])

        def missing():
            wanted = {name: self.api.get("Deployment", namespace, name)["spec"]["replicas"] for name in names}
            return {name: count for name, count in wanted.items() if ready_pods(name) != count}

        eventually(lambda: not missing(), f"the Pods of {names}")

    def forbidden(self, account):
        """What the API server has refused to a ServiceAccount, as "verb resource": its audit log."""
        return {f"{e['verb']} {resource_of(e)}" for e in self.audit(account) if e["responseStatus"].get("code") == 403}

    def audit(self, account):
        with open(self.path("audit.log"), encoding="utf-8") as log:
            entries = [json.loads(line) for line in log]
        return [e for e in entries if e["user"]["username"] == "system:serviceaccount:" + account.replace("/", ":")
                and "responseStatus" in e]


def resource_of(entry):
    reference = entry.get("objectRef", {})
    return "/".join(filter(None, [reference.get("apiGroup"), reference.get("resource"), reference.get("subresource")]))


class FaultProxy:
    """Stands in front of the API server: lab/faults. `kubeconfig` of a client has `server` for its address."""

    server = "https://127.0.0.1:7443"

    def __init__(self, lab):
        self.socket = lab.path("faults.sock")
        with contextlib.suppress(FileNotFoundError):
            os.remove(self.socket)
        with open(lab.path("faults.log"), "ab") as log:
            self.process = subprocess.Popen([lab.program, "faults", "--dir", lab.folder, "--control", self.socket],
                                            stdout=log, stderr=log)
        eventually(lambda: os.path.exists(self.socket), "the proxy with faults")

    def state(self):
        return call_unix(self.socket, "GET", "/fault")

    def set(self, mode, **limits):
        return call_unix(self.socket, "PUT", "/fault", {"mode": mode, **limits})

    def clear(self):
        return self.set("")

    def wait_hits(self, least=1):
        eventually(lambda: self.state()["hits"] >= least, f"the fault to hit {least} times")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


class Load:
    """Steady load with `rows` of (host, target, service); use as a context manager, then read `result`."""

    def __init__(self, lab, address, rows, rate=2000, workers=8, requests_per_connection=0, tls=False):
        plan = {"address": address, "tls": tls, "rate": rate, "workers": workers,
                "requests_per_connection": requests_per_connection,
                "rows": [dict(zip(("host", "target", "service"), row)) for row in rows]}
        self.process = subprocess.Popen([lab.program, "load"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps(plan))
        self.process.stdin.close()
        self.changed = threading.Condition()
        self.num_ok = self.num_failed = 0
        self.result = None
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                if line.startswith("{"):
                    self.result = json.loads(line)
                else:
                    self.num_ok, self.num_failed = map(int, line.split())
                self.changed.notify_all()

    def wait_more(self, count):
        """Until so many further answers were good, or one was not."""
        with self.changed:
            goal = self.num_ok + count
            assert self.changed.wait_for(lambda: self.num_ok >= goal or self.num_failed, 60), "the load is stuck"

    def __enter__(self):
        self.wait_more(1)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.reader.join(60)
        self.process.wait(60)

    def check(self):
        """The result, without a failure."""
        assert self.result["failed"] == 0, json.dumps(self.result, indent=1)
        assert self.result["ok"] > 0
        return self.result
