"""Which Service answers a request, from Ingress objects alone, by going through all of them: slow and plain.

The rules are those of the Ingress API, and ours where it leaves things open: the oldest object wins what two claim, then the
first by namespace and name; a host with rules answers what none of its paths matches by a defaultBackend of its own
Ingresses or not at all. Paths of requests have to be normalised already.
"""

NOTHING = None  # 404


def answer(ingresses, host, path):
    """(namespace, service) of the backend, or NOTHING. `ingresses`: all that are of our class."""
    oldest_first = sorted(ingresses, key=lambda i: (i["metadata"]["creationTimestamp"], i["metadata"]["namespace"],
                                                    i["metadata"]["name"]))
    claims = [(host_of(rule), ingress, rule) for ingress in oldest_first for rule in ingress["spec"].get("rules") or []]
    pattern = best_pattern({pattern for pattern, _, _ in claims}, host.lower())
    if pattern is None:
        owners = [ingress for ingress in oldest_first if not ingress["spec"].get("rules")]
        return default_of(owners)
    mine = [(ingress, rule) for claimed, ingress, rule in claims if claimed == pattern]
    found = best_path(mine, path)
    if found:
        return found
    if pattern == "":
        return default_of([i for i in oldest_first if not i["spec"].get("rules") or any(i is owner for owner, _ in mine)])
    return default_of([ingress for ingress, _ in mine])


def host_of(rule):
    return rule.get("host", "")


def best_pattern(patterns, host):
    """Exact, then the wildcard (of one label), then any host."""
    wildcard = "*." + host.partition(".")[2]
    return next((candidate for candidate in (host, wildcard, "") if candidate in patterns), None)


def best_path(claims, path):
    """The longest that matches; of one length Exact before Prefix; of the same the first."""
    best, found = (-1, False), None
    for ingress, rule in claims:
        for entry in (rule.get("http") or {}).get("paths") or []:
            is_exact, value = entry["pathType"] == "Exact", entry.get("path") or "/"
            if not is_exact and len(value) > 1:
                value = value.rstrip("/")
            if matches(is_exact, value, path) and (len(value), is_exact) > best:
                best, found = (len(value), is_exact), backend_name(ingress, entry["backend"])
    return found


def matches(is_exact, value, path):
    if is_exact or value == "/":
        return path == value or not is_exact
    return path == value or path.startswith(value + "/")


def default_of(oldest_first):
    owner = next((ingress for ingress in oldest_first if ingress["spec"].get("defaultBackend")), None)
    return backend_name(owner, owner["spec"]["defaultBackend"]) if owner else NOTHING


def backend_name(ingress, backend):
    return ingress["metadata"]["namespace"], backend["service"]["name"]
