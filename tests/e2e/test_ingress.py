"""Ingress objects through the real daemon: which request reaches which Service.

The expectations are those of https://kubernetes.io/docs/concepts/services-networking/ingress/.
"""

import pytest

from support.backend import Backend, ok
from support.manifests import backend_of, endpoint_slice, ingress, metadata, path, service


@pytest.fixture
def named(make_backend):
    """named("x"): a backend that answers "x /target"."""
    made = {}

    def make(name):
        if name not in made:
            made[name] = make_backend(lambda c: c.send(ok(f"{name} {c.request.target}")), name=name)
        return made[name]

    return make


@pytest.fixture
def app(named):
    """app("x"): the Service of a backend and its slice, all named x."""
    def make(name, namespace=None):
        return [service(name, namespace=namespace), *endpoint_slice(name, [named(name)], namespace)]

    return make


def served_by(proxy, host, target="/"):
    """The name of the backend that answered, or the status when the proxy did."""
    response = proxy.ask(host, target)
    return response.text.split()[0] if response.status == 200 else response.status


def check(proxy, rows):
    """rows: {(host, target): name or status}. Shows all wrong ones at once."""
    got = {asked: served_by(proxy, *asked) for asked in rows}
    assert got == rows


# Paths.

# The table of the page: (type, paths, request path, which of the paths matches).
PATH_EXAMPLES = [
    ("Prefix", ["/"], "/any/path?x", "/"), ("Exact", ["/foo"], "/foo", "/foo"), ("Exact", ["/foo"], "/bar", None),
    ("Exact", ["/foo"], "/foo/", None), ("Exact", ["/foo/"], "/foo", None), ("Prefix", ["/foo"], "/foo", "/foo"),
    ("Prefix", ["/foo"], "/foo/", "/foo"), ("Prefix", ["/foo/"], "/foo", "/foo/"),
    ("Prefix", ["/foo/"], "/foo/", "/foo/"), ("Prefix", ["/aaa/bb"], "/aaa/bbb", None),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbb", "/aaa/bbb"), ("Prefix", ["/aaa/bbb/"], "/aaa/bbb", "/aaa/bbb/"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbb/", "/aaa/bbb"), ("Prefix", ["/aaa/bbb"], "/aaa/bbb/ccc", "/aaa/bbb"),
    ("Prefix", ["/aaa/bbb"], "/aaa/bbbxyz", None), ("Prefix", ["/", "/aaa"], "/aaa/ccc", "/aaa"),
    ("Prefix", ["/", "/aaa", "/aaa/bbb"], "/aaa/bbb", "/aaa/bbb"), ("Prefix", ["/", "/aaa", "/aaa/bbb"], "/ccc", "/"),
    ("Prefix", ["/aaa"], "/ccc", None), ("ImplementationSpecific", ["/foo"], "/foo/bar", "/foo"),
    ("ImplementationSpecific", ["/foo"], "/foobar", None), ("Prefix", ["/foo"], "/foobar", None),
    ("Prefix", ["/foo"], "/bar/../foo/x", "/foo"), ("Exact", ["/foo"], "/%66oo", "/foo"),
    ("Prefix", ["/foo"], "/foo?a=/b", "/foo"), ("Exact", ["/foo"], "/foo?a", "/foo"), ("Exact", ["/foo"], "/FOO", None),
]


def test_paths_of_the_kubernetes_page(start, manifests, app):
    objects, rows = [app(f"p{i}") for i in range(3)], {}
    for number, (path_type, paths, target, matching) in enumerate(PATH_EXAMPLES):
        host = f"row{number}.test"
        rules = [path(value, f"p{i}", path_type=path_type) for i, value in enumerate(paths)]
        objects.append(ingress(f"row{number}", host, rules))
        rows[host, target] = f"p{paths.index(matching)}" if matching else 404
    # Mixed: Exact before Prefix of equal length.
    objects.append(ingress("mixed", "mixed.test", [path("/foo", "p0"), path("/foo", "p1", path_type="Exact")]))
    rows |= {("mixed.test", "/foo"): "p1", ("mixed.test", "/foo/"): "p0", ("mixed.test", "/foo/x"): "p0"}
    manifests.write("a.yaml", *objects)
    proxy = start().wait_ready()
    check(proxy, rows)
    assert proxy.problems() == []


def test_what_was_matched_is_what_is_forwarded(start, manifests, app):
    manifests.write("a.yaml", ingress("a", "a.test", [path("/foo", "foo")]), app("foo"))
    proxy = start().wait_ready()
    for target, forwarded in [("/foo/../foo/./x?q=/../y", "/foo/x?q=/../y"), ("/%66oo/a%2fb", "/foo/a%2Fb"),
                              ("/foo/%2e%2e/bar", None), ("/foo", "/foo"), ("/foo/", "/foo/"),
                              ("//foo///x//", "/foo/x/"), ("//../foo", "/foo"), ("/foo;v=1", None)]:
        response = proxy.ask("a.test", target)
        if forwarded:
            assert response.text == f"foo {forwarded}"
        else:
            assert response.status == 404
    assert proxy.ask("a.test", "/bar/..;/foo").status == 400
    assert proxy.ask("a.test", "/foo/..%2f..%2fbar").status == 400


def test_flags_say_which_paths_are_one_and_which_are_refused(start, manifests, app):
    manifests.write("a.yaml", ingress("a", "a.test", [path("/", "foo")]), app("foo"))
    strict = start("--ambiguous-paths", "reject").wait_ready()
    for target in ("/a%2fb", "/a%5Cb", "/a;v=1", "/%252e%252e/b"):
        assert strict.ask("a.test", target).status == 400, target
    assert strict.ask("a.test", "/a%20b").text == "foo /a%20b"
    loose = start("--ambiguous-paths", "keep", "--slashes", "keep").wait_ready()
    for target in ("/a/..;/b", "/a%2F..%2Fb", "//a//b"):
        assert loose.ask("a.test", target).text == f"foo {target}"


# Hosts.

def test_exact_and_wildcard_hosts(start, manifests, app):
    manifests.write("a.yaml", *[app(n) for n in ("exact", "wild", "none", "deep")],
                    ingress("exact", "a.example.test", [path("/only", "exact")]),
                    ingress("wild", "*.example.test", [path("/", "wild")]),
                    ingress("deep", "*.b.example.test", [path("/deep", "deep")]),
                    ingress("none", None, [path("/", "none")]))
    proxy = start().wait_ready()
    check(proxy, {
        ("a.example.test", "/only"): "exact",
        ("a.example.test", "/other"): 404,  # an exact host with rules never falls back
        ("A.Example.TEST", "/only"): "exact",
        ("a.example.test:8080", "/only"): "exact",
        ("b.example.test", "/"): "wild",
        ("x.b.example.test", "/deep"): "deep",
        ("x.b.example.test", "/other"): 404,
        ("x.y.example.test", "/"): "none",  # the wildcard is one label
        ("example.test", "/"): "none",
        ("other.test", "/"): "none",
        ("127.0.0.1", "/"): "none",
        ("[::1]:80", "/"): "none",
    })


# Default backends.

def test_default_backend_of_an_ingress_serves_its_own_hosts(start, manifests, app):
    manifests.write("a.yaml", *[app(n) for n in ("foo", "rest", "flag")],
                    ingress("a", "a.test", [path("/foo", "foo")], default_backend=backend_of("rest")),
                    ingress("b", "b.test", [path("/foo", "foo")]))
    check(start().wait_ready(), {("a.test", "/foo"): "foo", ("a.test", "/"): "rest", ("b.test", "/foo"): "foo",
                                 ("b.test", "/"): 404, ("c.test", "/"): 404})
    check(start("--default-backend", "default/flag:80").wait_ready(),
          {("a.test", "/foo"): "foo", ("a.test", "/"): "rest", ("b.test", "/foo"): "foo", ("b.test", "/"): "flag",
           ("c.test", "/"): "flag"})


def test_default_backend_without_rules_serves_what_nobody_claims(start, manifests, app):
    manifests.write("a.yaml", *[app(n) for n in ("foo", "all", "flag")],
                    ingress("a", "a.test", [path("/foo", "foo")]), ingress("b", default_backend=backend_of("all")))
    proxy = start("--default-backend", "default/flag:80").wait_ready()
    check(proxy, {("a.test", "/foo"): "foo", ("b.test", "/"): "all", ("b.test", "/foo"): "all"})


def test_default_backend_of_the_command_line_in_another_namespace(start, manifests, app):
    manifests.write("a.yaml", app("flag", namespace="infra"))
    check(start("--default-backend", "infra/flag:80").wait_ready(), {("x.test", "/"): "flag"})
    missing = start("--default-backend", "infra/gone:80").wait_ready()
    check(missing, {("x.test", "/"): 503})
    assert missing.wait_log(status=503)["why"] == "no_service"


# Conflicts.

def test_oldest_ingress_wins_and_the_loser_is_a_problem(start, manifests, app):
    def claim(name, target, created=None, namespace=None):
        times = {"creationTimestamp": created} if created else {}
        return ingress(name, "a.test", [path("/x", target)], namespace, **times)

    manifests.write("a.yaml", app("first"), app("second"), app("second", namespace="aaa"),
                    claim("z", "first", "2020-01-01T00:00:00Z"), claim("a", "second", "2021-01-01T00:00:00Z"),
                    claim("a", "second", namespace="aaa"))
    proxy = start().wait_ready()
    check(proxy, {("a.test", "/x"): "first"})
    losers = {(p["object"]["namespace"], p["object"]["name"]) for p in proxy.problems()}
    assert losers == {("default", "a"), ("aaa", "a")}
    for problem in proxy.problems():
        assert problem["field"] == "spec.rules[0].http.paths[0].path" and "default/z" in problem["why"]
        assert problem["source"] == "a.yaml" and problem["fix"]


def test_equal_age_is_decided_by_name(start, manifests, app):
    manifests.write("a.yaml", app("first"), app("second"),
                    ingress("b", "a.test", [path("/", "second")]), ingress("a", "a.test", [path("/", "first")]))
    check(start().wait_ready(), {("a.test", "/"): "first"})


def test_paths_of_several_ingresses_of_one_host_are_joined(start, manifests, app):
    manifests.write("a.yaml", app("one"), app("two"), ingress("a", "a.test", [path("/one", "one")]),
                    ingress("b", "a.test", [path("/two", "two")]))
    proxy = start().wait_ready()
    check(proxy, {("a.test", "/one"): "one", ("a.test", "/two"): "two", ("a.test", "/three"): 404})
    assert proxy.problems() == []


# Classes.

def ingress_class(name, controller="libingress.dev/proxyd", is_default=False):
    marks = {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}} if is_default else {}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": metadata(name, **marks),
            "spec": {"controller": controller}}


def classed(*classes):
    """Ingresses a (no class), b (class ours), c (class theirs), d (annotation ours), e (annotation theirs)."""
    old = "kubernetes.io/ingress.class"
    return [*classes, ingress("a", "a.test", [path("/", "app")]),
            ingress("b", "b.test", [path("/", "app")], class_name="ours"),
            ingress("c", "c.test", [path("/", "app")], class_name="theirs"),
            ingress("d", "d.test", [path("/", "app")], annotations={old: "ours"}),
            ingress("e", "e.test", [path("/", "app")], annotations={old: "theirs"})]


@pytest.mark.parametrize("classes, served", [
    ([], "a"),
    ([ingress_class("ours"), ingress_class("theirs", "example.com/x")], "bd"),
    ([ingress_class("ours", is_default=True), ingress_class("theirs", "example.com/x")], "abd"),
    ([ingress_class("ours"), ingress_class("theirs", "example.com/x", is_default=True)], "bd"),
])
def test_classes(start, manifests, app, classes, served):
    manifests.write("a.yaml", app("app"), *classed(*classes))
    proxy = start().wait_ready()
    check(proxy, {(f"{name}.test", "/"): "app" if name in served else 404 for name in "abcde"})
    assert proxy.metric("proxyd_ignored_ingresses") == 5 - len(served)


def test_another_controller_name(start, manifests, app):
    manifests.write("a.yaml", app("app"), *classed(ingress_class("ours"), ingress_class("theirs", "example.com/x")))
    check(start("--controller-name", "example.com/x").wait_ready(),
          {(f"{name}.test", "/"): "app" if name in "ce" else 404 for name in "abcde"})


# Services and endpoints.

def test_ports_by_number_and_by_name(start, manifests, named):
    multi = service("multi")
    multi["spec"] = {"ports": [{"name": "web", "port": 80, "targetPort": "http"}, {"name": "admin", "port": 81}]}
    manifests.write("a.yaml", multi, endpoint_slice("multi", [named("web")], port_name="web", name="one"),
                    endpoint_slice("multi", [named("admin")], port_name="admin", name="two"),
                    ingress("a", "a.test", [path("/80", "multi", 80), path("/81", "multi", 81),
                                            path("/web", "multi", "web"), path("/admin", "multi", "admin"),
                                            path("/none", "multi", "none"), path("/82", "multi", 82)]))
    proxy = start().wait_ready()
    check(proxy, {("a.test", "/80"): "web", ("a.test", "/81"): "admin", ("a.test", "/web"): "web",
                  ("a.test", "/admin"): "admin", ("a.test", "/none"): 503, ("a.test", "/82"): 503})
    assert {p["field"] for p in proxy.problems()} == {f"spec.rules[0].http.paths[{i}].backend.service.port"
                                                      for i in (4, 5)}


def test_all_slices_of_a_service_take_part(start, manifests, named):
    backends = [named(f"b{i}") for i in range(4)]
    manifests.write("a.yaml", ingress("a", "a.test", [path("/", "app")]), service("app"),
                    *[endpoint_slice("app", [b], name=f"slice-{b.name}") for b in backends],
                    endpoint_slice("other", [named("stranger")]),
                    endpoint_slice("app", [named("foreigner")], namespace="elsewhere"))
    proxy = start("--workers", "1").wait_ready()
    assert {served_by(proxy, "a.test") for _ in range(40)} == {b.name for b in backends}


@pytest.mark.parametrize("rows, expected", [
    # conditions of each endpoint -> which of them serve
    ({"a": None, "b": {}}, {"a", "b"}),
    ({"a": {"ready": True}, "b": {"ready": False}}, {"a"}),
    ({"a": {"ready": True}, "b": {"ready": False, "serving": True, "terminating": True}}, {"a"}),
    ({"a": {"ready": False}, "b": {"ready": False, "serving": True, "terminating": True}}, {"b"}),
    ({"a": {"ready": False, "serving": False, "terminating": True}, "b": {"ready": False}}, {503}),
    ({"a": {"ready": False, "serving": True, "terminating": False}}, {503}),
    ({}, {503}),
])
def test_conditions_of_endpoints(start, manifests, named, rows, expected):
    manifests.write("a.yaml", ingress("a", "a.test", [path("/", "app")]), service("app"),
                    *[endpoint_slice("app", [named(name)], name=name, conditions=conditions)
                      for name, conditions in rows.items()])
    proxy = start("--workers", "1").wait_ready()
    assert {served_by(proxy, "a.test") for _ in range(10)} == expected


def test_ipv6_endpoints_and_headless_services(start, manifests):
    backend = Backend(ok("six"), address="::1")
    manifests.write("a.yaml", ingress("a", "a.test", [path("/", "app")]), service("app", clusterIP="None"),
                    endpoint_slice("app", [backend]))
    proxy = start().wait_ready()
    check(proxy, {("a.test", "/"): "six"})
    assert proxy.wait_log(status=200)["upstream"] == f"[::1]:{backend.port}"
    backend.close()


def test_services_of_the_ingress_namespace_only(start, manifests, app):
    manifests.write("a.yaml", app("app", namespace="one"), ingress("a", "a.test", [path("/", "app")], "one"),
                    ingress("b", "b.test", [path("/", "app")], "two"))
    check(start().wait_ready(), {("a.test", "/"): "app", ("b.test", "/"): 503})


def test_external_names_need_a_flag(start, manifests, named):
    backend = named("outside")
    manifests.write("a.yaml", ingress("a", "a.test", [path("/", "ext", backend.port)]),
                    service("ext", port=backend.port, type="ExternalName", externalName="localhost"))
    refused = start().wait_ready()
    check(refused, {("a.test", "/"): 503})
    assert "--allow-external-names" in refused.problems()[0]["fix"]
    allowed = start("--allow-external-names").wait_ready()
    check(allowed, {("a.test", "/"): "outside"})
    assert allowed.problems() == []


# What is not served is named.

def test_tls_and_resource_backends_are_problems(start, manifests, app):
    secured = ingress("a", "a.test", [path("/", "app"), {**path("/r", "app"), "backend": {
        "resource": {"apiGroup": "a.b", "kind": "Bucket", "name": "x"}}}])
    secured["spec"]["tls"] = [{"hosts": ["a.test"], "secretName": "cert"}]
    manifests.write("a.yaml", secured, app("app"))
    proxy = start().wait_ready()
    check(proxy, {("a.test", "/"): "app", ("a.test", "/r"): 503})
    fields = {p["field"] for p in proxy.problems()}
    assert any(field.startswith("spec.tls") for field in fields)
    assert any(field.startswith("spec.rules[0].http.paths[1].backend") for field in fields)


def test_one_bad_ingress_costs_no_other(start, manifests, app):
    bad = [ingress(f"bad{i}", host, [path(value, "app")]) for i, (host, value) in enumerate(
        [("a b", "/"), ("*", "/"), ("x.*.test", "/"), ("UPPER.test", "/"), ("bad.test", "no-slash"),
         ("bad.test", "/%zz"), ("10.0.0.1", "/")])]
    manifests.write("a.yaml", *bad, app("app"), ingress("good", "good.test", [path("/", "app")]))
    proxy = start().wait_ready()
    check(proxy, {("good.test", "/"): "app"})
    named_bad = {p["object"]["name"] for p in proxy.problems()}
    assert "good" not in named_bad and {f"bad{i}" for i in (0, 1, 2, 4, 5)} <= named_bad
