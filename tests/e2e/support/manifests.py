"""Kubernetes objects as dicts, and a folder of manifests with the ways in which files change."""

import base64
import json
import os


def metadata(name, namespace=None, **more):
    result = {"name": name, **more}
    if namespace is not None:
        result["namespace"] = namespace
    return result


def backend_of(service, port=80):
    key = "name" if isinstance(port, str) else "number"
    return {"service": {"name": service, "port": {key: port}}}


def path(value, service, port=80, path_type="Prefix"):
    return {"path": value, "pathType": path_type, "backend": backend_of(service, port)}


def ingress(name, host=None, paths=(), namespace=None, default_backend=None, class_name=None, rules=None, **meta):
    """One rule of `host` and `paths`, or `rules` as they are: [(host, [path(...)])]."""
    if rules is None:
        rules = [(host, list(paths))] if paths else []
    spec = {"rules": [{**({"host": rule_host} if rule_host else {}), "http": {"paths": rule_paths}}
                      for rule_host, rule_paths in rules]}
    if default_backend is not None:
        spec["defaultBackend"] = default_backend
    if class_name is not None:
        spec["ingressClassName"] = class_name
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": metadata(name, namespace, **meta), "spec": spec}


def service(name, port=80, namespace=None, port_name=None, **spec):
    entry = {"port": port, **({"name": port_name} if port_name else {})}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata(name, namespace),
            "spec": {"ports": [entry], **spec}}


def endpoint_slice(service_name, endpoints, namespace=None, name=None, port_name=None, conditions=None):
    """`endpoints`: backends or (address, port); all of one slice share a port, so one slice per port."""
    pairs = [(e.address, e.port) if hasattr(e, "port") else e for e in endpoints]
    slices = []
    for index, port in enumerate(sorted({p for _, p in pairs})):
        addresses = [a for a, p in pairs if p == port]
        slices.append({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": metadata(f"{name or service_name}-{index}", namespace,
                                 labels={"kubernetes.io/service-name": service_name}),
            "addressType": "IPv6" if ":" in addresses[0] else "IPv4",
            "endpoints": [{"addresses": [a], **({"conditions": conditions} if conditions else {})}
                          for a in addresses],
            "ports": [{"port": port, **({"name": port_name} if port_name else {})}]})
    return slices


def with_tls(made, secret_name, *hosts):
    """The Ingress `made`, which shows the certificate of a Secret for `hosts`."""
    entry = {**({"hosts": list(hosts)} if hosts else {}), **({"secretName": secret_name} if secret_name else {})}
    return {**made, "spec": {**made["spec"], "tls": [*made["spec"].get("tls", []), entry]}}


def secret(name, made=None, namespace=None, chain=None, key=None):
    """A Secret with the certificate `made` (support.certificates), or what stands for its parts."""
    parts = {"tls.crt": made.chain if chain is None else chain, "tls.key": made.key if key is None else key}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(name, namespace), "type": "kubernetes.io/tls",
            "data": {field: base64.b64encode(text.encode()).decode() for field, text in parts.items()}}


def site(name, host, *backends, namespace=None):
    """An Ingress for all of `host`, its Service and the slices of `backends`."""
    return [ingress(name, host, [path("/", name)], namespace), service(name, namespace=namespace),
            *endpoint_slice(name, backends, namespace)]


def to_text(objects):
    """YAML documents; each in flow style, which is JSON."""
    flat = []
    for item in objects:
        flat += item if isinstance(item, list) else [item]
    return "---\n".join(json.dumps(item, indent=1) + "\n" for item in flat)


class ManifestFolder:
    """The folder that a daemon serves."""

    def __init__(self, root):
        self.root = str(root)
        os.makedirs(self.root, exist_ok=True)

    def path(self, name):
        return os.path.join(self.root, name)

    def write(self, name, *objects):
        """Saves in place."""
        self.write_text(name, to_text(objects))

    def write_text(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def rename_over(self, name, *objects):
        """Writes beside the file and renames, as editors and `kubectl cp` do."""
        temporary = self.path("." + name + ".new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(to_text(objects))
        os.rename(temporary, self.path(name))

    def swap_volume(self, version, files):
        """What the kubelet does for a mounted ConfigMap: `files` is {name: [objects]}."""
        folder = f"..{version}"
        os.makedirs(self.path(folder))
        for name, objects in files.items():
            with open(self.path(f"{folder}/{name}"), "w", encoding="utf-8") as file:
                file.write(to_text(objects))
            if not os.path.islink(self.path(name)):
                os.symlink(f"..data/{name}", self.path(name))
        os.symlink(folder, self.path("..data_tmp"))
        os.rename(self.path("..data_tmp"), self.path("..data"))

    def remove(self, name):
        os.remove(self.path(name))
