"""A small client of an API server: one connection per thread, JSON in and out."""

import http.client
import json
import socket
import ssl
import threading
import urllib.parse

GROUPS = {  # kind: (path of its group and version, resource, whether it has a namespace)
    "Namespace": ("/api/v1", "namespaces", False),
    "Service": ("/api/v1", "services", True),
    "Secret": ("/api/v1", "secrets", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Pod": ("/api/v1", "pods", True),
    "Node": ("/api/v1", "nodes", False),
    "Event": ("/api/v1", "events", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "Deployment": ("/apis/apps/v1", "deployments", True),
    "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "Ingress": ("/apis/networking.k8s.io/v1", "ingresses", True),
    "IngressClass": ("/apis/networking.k8s.io/v1", "ingressclasses", False),
    "NetworkPolicy": ("/apis/networking.k8s.io/v1", "networkpolicies", True),
    "EndpointSlice": ("/apis/discovery.k8s.io/v1", "endpointslices", True),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases", True),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets", True),
    "HorizontalPodAutoscaler": ("/apis/autoscaling/v2", "horizontalpodautoscalers", True),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
}
FIELD_MANAGER = "lab-tests"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML


class ApiError(Exception):
    """An answer that is no success; `code` is its status."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def path_of(kind, namespace=None, name=None):
    root, resource, has_namespace = GROUPS[kind]
    path = f"{root}/namespaces/{namespace}/{resource}" if has_namespace and namespace else f"{root}/{resource}"
    return path + (f"/{name}" if name else "")


class Api:
    """`host`:`port` with the client certificate FILE.crt and FILE.key, or with `token`."""

    def __init__(self, host, port, ca_file, client=None, token=None):
        self.host, self.port, self.token = host, port, token
        self.context = ssl.create_default_context(cafile=ca_file)
        if client:
            self.context.load_cert_chain(client + ".crt", client + ".key")
        self.local = threading.local()

    def call(self, method, path, body=None, content_type="application/json"):
        """The parsed answer. A connection that was closed meanwhile is opened again, once."""
        text = json.dumps(body) if body is not None else None
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        if self.token:
            headers["Authorization"] = "Bearer " + self.token
        for is_last in (False, True):
            connection = getattr(self.local, "connection", None)
            try:
                if connection is None:
                    connection = http.client.HTTPSConnection(self.host, self.port, timeout=30, context=self.context)
                    connection.connect()
                    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self.local.connection = connection
                connection.request(method, path, text, headers)
                response = connection.getresponse()
                answer = response.read().decode()
                break
            except (OSError, http.client.HTTPException):
                self.local.connection = None
                if is_last:
                    raise
        if response.status >= 300:
            raise ApiError(response.status, answer[:500])
        return json.loads(answer) if answer.startswith("{") else answer

    def create(self, *objects):
        """Creates objects, each a dict or a list of them; returns the last as it is stored."""
        made = None
        for item in objects:
            if isinstance(item, list):
                made = self.create(*item)
                continue
            made = self.call("POST", path_of(item["kind"], item["metadata"].get("namespace")), item)
        return made

    def apply(self, *objects):
        """Server-side apply of whole objects."""
        made = None
        for item in objects:
            if isinstance(item, list):
                made = self.apply(*item)
                continue
            path = path_of(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"])
            made = self.call("PATCH", f"{path}?fieldManager={FIELD_MANAGER}&force=true", item, APPLY_PATCH)
        return made

    def get(self, kind, namespace, name):
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind, namespace, name):
        """None when there is none."""
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind, namespace=None, **query):
        path = path_of(kind, namespace)
        return self.call("GET", path + ("?" + urllib.parse.urlencode(query) if query else ""))["items"]

    def patch(self, kind, namespace, name, change, subresource=""):
        return self.call("PATCH", path_of(kind, namespace, name) + subresource, change, MERGE_PATCH)

    def delete(self, kind, namespace, name):
        return self.call("DELETE", path_of(kind, namespace, name))

    def delete_all(self, kind, namespace=None, selector=None):
        query = "?" + urllib.parse.urlencode({"labelSelector": selector}) if selector else ""
        return self.call("DELETE", path_of(kind, namespace) + query)
