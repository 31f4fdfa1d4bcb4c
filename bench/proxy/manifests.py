"""The Kubernetes objects that proxyd serves in the bench: one Service with one endpoint, and Ingresses."""

import base64
import json
import pathlib
from typing import Optional

RULES_PER_INGRESS = 1000


def host_name(number: int) -> str:
    """As the load generator writes it."""
    return f"h{number:07}.bench.example"


def service(port: int, app_protocol: Optional[str]) -> list[dict]:
    spoken = {"appProtocol": app_protocol} if app_protocol else {}
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "backend"},
         "spec": {"ports": [{"port": 80, "targetPort": port, **spoken}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
         "metadata": {"name": "backend-1", "labels": {"kubernetes.io/service-name": "backend"}},
         "addressType": "IPv4", "endpoints": [{"addresses": ["127.0.0.1"]}], "ports": [{"port": port}]},
    ]


def ingress(name: str, hosts: list[str]) -> dict:
    """All paths of these hosts go to the backend; of every host where the list is empty."""
    http = {"paths": [{"path": "/", "pathType": "Prefix",
                       "backend": {"service": {"name": "backend", "port": {"number": 80}}}}]}
    rules = [{"host": host, "http": http} for host in hosts] or [{"http": http}]
    return {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": name},
            "spec": {"rules": rules}}


def write(folder: pathlib.Path, backend_port: int, num_hosts: int, app_protocol: Optional[str] = None) -> None:
    """One file for the Service, and one for each thousand hosts."""
    for number, item in enumerate(service(backend_port, app_protocol)):
        (folder / f"backend-{number}.json").write_text(json.dumps(item))
    for start in range(0, max(num_hosts, 1), RULES_PER_INGRESS):
        hosts = [host_name(i) for i in range(start, min(start + RULES_PER_INGRESS, num_hosts))]
        (folder / f"ingress-{start:07}.json").write_text(json.dumps(ingress(f"hosts-{start:07}", hosts)))


def write_secret(folder: pathlib.Path, name: str, chain: pathlib.Path, key: pathlib.Path) -> None:
    """In the namespace "default"."""
    data = {field: base64.b64encode(file.read_bytes()).decode() for field, file in (("tls.crt", chain), ("tls.key", key))}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": "kubernetes.io/tls", "data": data}
    (folder / f"secret-{name}.json").write_text(json.dumps(secret))


def to_tls_backend(port: int, backend_port: int, authority: pathlib.Path) -> str:
    """The configuration, in the file form, of a listener whose backend speaks TLS."""
    cluster = {"name": "backend", "endpoints": [{"address": "127.0.0.1", "port": backend_port}],
               "tls": {"server_name": host_name(0), "ca_bundle": authority.read_text(encoding="ascii"), "min_version": "1.3"}}
    return json.dumps({"version": 1, "listeners": [{"name": "http", "address": "127.0.0.1", "port": port}],
                       "clusters": [cluster],
                       "routes": [{"name": "all", "rules": [{"backends": [{"cluster": "backend"}]}]}]})
