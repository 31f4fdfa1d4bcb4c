"""Objects that tests create. What reaches a backend says which Service it is of: its Deployment bears that name.

Ingresses, Secrets and hand-made EndpointSlices come from the end-to-end tests' support.manifests.
"""

from support.manifests import metadata

ECHO_PORT = 3000
CONTROLLER = "libingress.dev/proxyd"  # of IngressClasses that are proxyd's


def namespace(name, **labels):
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata(name, labels=labels)}


def ingress_class(name, controller, is_default=False):
    annotations = {"ingressclass.kubernetes.io/is-default-class": "true"} if is_default else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata(name, annotations=annotations),
            "spec": {"controller": controller}}


def deployment(name, namespace_name, replicas=1, service=None):
    """Echo Pods that call themselves `service`, by default `name`."""
    env = [{"name": "SERVICE_NAME", "value": service or name}]
    env += [{"name": variable, "valueFrom": {"fieldRef": {"fieldPath": f"metadata.{field}"}}}
            for variable, field in (("POD_NAME", "name"), ("NAMESPACE", "namespace"))]
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name, namespace_name),
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "echo", "image": "echo-basic", "env": env,
                                                           "ports": [{"name": "http", "containerPort": ECHO_PORT}]}]}}}}


def service(name, namespace_name, app=None, port=80, **spec):
    """Of the Pods of the Deployment `app`, by default `name`."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(name, namespace_name),
            "spec": {"selector": {"app": app or name},
                     "ports": [{"name": "http", "port": port, "targetPort": ECHO_PORT}], **spec}}


def app(name, namespace_name, replicas=1):
    """A Deployment and its Service."""
    return [deployment(name, namespace_name, replicas), service(name, namespace_name)]


def service_account(name, namespace_name):
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(name, namespace_name)}


def cluster_rights(account, namespace_name, rules):
    """A ClusterRole of `rules` and its binding to a ServiceAccount, both named as the account's namespace."""
    kind = "rbac.authorization.k8s.io"
    return [{"apiVersion": kind + "/v1", "kind": "ClusterRole", "metadata": metadata(namespace_name), "rules": rules},
            {"apiVersion": kind + "/v1", "kind": "ClusterRoleBinding", "metadata": metadata(namespace_name),
             "roleRef": {"apiGroup": kind, "kind": "ClusterRole", "name": namespace_name},
             "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace_name}]}]


# What a controller for the whole cluster reads and writes.
WHOLE_CLUSTER = [
    {"apiGroups": [""], "resources": ["services", "secrets", "configmaps", "namespaces", "nodes", "pods"],
     "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses", "ingressclasses"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["get", "update", "patch"]},
    {"apiGroups": ["", "events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["get", "create", "update", "patch"]},
]
