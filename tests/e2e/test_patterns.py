"""Regular expressions in rules, as seen from outside."""

from support import daemon
from support.config_file import cluster, config, write_config


def rule(target, **match):
    return {"matches": [match], "backends": [{"cluster": target}]}


def test_expressions_choose_between_exact_paths_and_prefixes(serve, make_backend):
    names = ["exact", "orders", "tenant", "engine", "rest"]
    backends = {name: make_backend(name=name) for name in names}
    expression = {"type": "regular_expression"}
    rules = [rule("exact", path={"type": "exact", "value": "/orders/1"}),
             rule("orders", path={"value": "/orders/[0-9]+", **expression}),
             rule("tenant", headers=[{"name": "x-tenant", "value": "[a-c]-.*", **expression}]),
             rule("engine", query=[{"name": "engine", "value": "v[12]", **expression}]),
             rule("rest", path={"type": "prefix", "value": "/"})]
    proxy = serve(config([cluster(name, backends[name]) for name in names], [{"name": "all", "rules": rules}]))

    def winner(target, headers=()):
        return proxy.ask(target=target, headers=list(headers)).text.removeprefix("served by ").strip()

    for _ in range(2):  # compiled for the first, and kept for the second
        assert winner("/orders/1") == "exact"
        assert winner("/orders/22") == "orders"
        assert winner("/orders/22/x") == "rest"
        assert winner("/x", [("X-Tenant", "b-1")]) == "tenant"
        assert winner("/x", [("X-Tenant", "d-1")]) == "rest"
        assert winner("/x?engine=v2") == "engine"
        assert winner("/x?engine=v3") == "rest"


def test_an_expression_that_is_none_is_refused_with_its_place_and_reason(tmp_path):
    rules = [rule("a", path={"type": "regular_expression", "value": "/("})]
    file = write_config(tmp_path, config([cluster("a", ("127.0.0.1", 1))], [{"name": "all", "rules": rules}]))
    result = daemon.run("check", "--config", file)
    assert result.returncode == 1
    told = result.stdout + result.stderr
    assert "routes[0].rules[0].matches[0].path.value" in told
    assert "regular expression of RE2: missing )" in told
