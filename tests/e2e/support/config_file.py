"""Configurations of the library for `proxyd run --config`."""

import json


def cluster(name, *endpoints, **more):
    """`endpoints`: backends or (address, port)."""
    pairs = [(e.address, e.port) if hasattr(e, "port") else e for e in endpoints]
    return {"name": name, "endpoints": [{"address": a, "port": p} for a, p in pairs], **more}


def route(name, target, host=None, **rule):
    """All paths of `host` go to the cluster `target`."""
    return {"name": name, **({"hosts": [host]} if host else {}),
            "rules": [{"backends": [{"cluster": target}], **rule}]}


def config(clusters, routes, **listener):
    return {"version": 1, "listeners": [{"name": "http-0", "address": "127.0.0.1", **listener}],
            "clusters": clusters, "routes": routes}


def single(backend, cluster_settings=None, **listener):
    """Everything goes to `backend`."""
    return config([cluster("only", backend, **(cluster_settings or {}))], [route("all", "only")], **listener)


def secured(value, certificates, **tls):
    """`value` with `certificates`, all of its listeners speaking TLS."""
    listeners = [{**listener, "tls": tls} for listener in value["listeners"]]
    return {**value, "listeners": listeners, "certificates": list(certificates)}


def write_config(folder, value):
    """Returns the path of a new file in `folder` that holds `value`."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gateway.json"
    file.write_text(json.dumps(value), encoding="utf-8")
    return str(file)
