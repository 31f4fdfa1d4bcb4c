"""The oracle itself, which other tests believe."""

import pytest
from kube.oracle import answer
from support.manifests import backend_of, ingress, path


def made(name, host=None, paths=(), created="2026-01-01T00:00:00Z", **more):
    return ingress(name, host, paths, "n", creationTimestamp=created, **more)


PATHS = made("paths", "a.test", [path("/", "root"), path("/x", "x"), path("/x", "exact", path_type="Exact"), path("/x/y/", "deep")])
WILD = made("wild", "*.a.test", [path("/only", "wild")], default_backend=backend_of("rest"))
ANY = made("any", None, [path("/any", "any")])
ALL = made("all", default_backend=backend_of("last"))
YOUNG = made("a-young", "a.test", [path("/x", "young"), path("/new", "new")], created="2026-01-02T00:00:00Z")
EVERYTHING = [YOUNG, ALL, ANY, WILD, PATHS]


@pytest.mark.parametrize("objects, host, target, expected", [
    (EVERYTHING, "a.test", "/x", "exact"), (EVERYTHING, "a.test", "/x/", "x"), (EVERYTHING, "a.test", "/xx", "root"),
    (EVERYTHING, "A.test", "/x/y", "deep"), (EVERYTHING, "a.test", "/new/1", "new"), (EVERYTHING, "b.a.test", "/only", "wild"),
    (EVERYTHING, "b.a.test", "/other", "rest"), (EVERYTHING, "c.b.a.test", "/only", "last"), (EVERYTHING, "z.test", "/any", "any"),
    (EVERYTHING, "z.test", "/", "last"), ([WILD], "a.test", "/only", None), ([PATHS], "z.test", "/", None),
    ([ANY], "z.test", "/", None), ([], "a.test", "/", None),
])
def test_answers(objects, host, target, expected):
    found = answer(objects, host, target)
    assert (found and found[1]) == expected
