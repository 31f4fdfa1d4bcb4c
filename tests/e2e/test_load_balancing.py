"""Which backend a request goes to, as seen from outside."""

import socket

import pytest

from support.config_file import cluster, config, route


@pytest.fixture
def backends(make_backend):
    return [make_backend(name=f"b{i}") for i in range(4)]


def spread(proxy, count, target="/", headers=()):
    """How many of `count` answers came from each backend."""
    out = {}
    for _ in range(count):
        response = proxy.ask(target=target, headers=list(headers))
        assert response.status == 200
        out[response.text] = out.get(response.text, 0) + 1
    return out


def weighted(backends, weights, zones=None, **settings):
    """One cluster of all backends that takes everything."""
    value = config([cluster("all", *backends, **settings)], [route("everything", "all")])
    for i, endpoint in enumerate(value["clusters"][0]["endpoints"]):
        endpoint["weight"] = weights[i]
        if zones:
            endpoint["zone"] = zones[i]
    return value


def test_the_same_header_value_goes_to_the_same_backend(serve, backends):
    proxy = serve(config([cluster("all", *backends, load_balancing="consistent_hash",
                                  consistent_hash={"source": "header", "name": "X-User"})],
                         [route("everything", "all")]))
    used = set()
    for user in range(64):  # of four backends one stays unused with a probability of 4 * 0.75 ** 64
        answers = spread(proxy, 3, headers=[("x-user", f"user-{user}")])
        assert len(answers) == 1, f"user {user}: {answers}"
        used |= set(answers)
    assert len(used) == 4
    # Without the key chance decides: one backend in 40 requests has a probability of 4 ** -39.
    assert len(spread(proxy, 40)) > 1


@pytest.mark.parametrize("settings, target, headers", [
    ({"source": "cookie", "name": "session"}, "/", [("Cookie", "a=1; session={}")]),
    ({"source": "query_parameter", "name": "u"}, "/?u={}", []),
    ({"source": "path"}, "/{}", []),
])
def test_other_keys(serve, backends, settings, target, headers):
    proxy = serve(config([cluster("all", *backends, load_balancing="consistent_hash", consistent_hash=settings)],
                         [route("everything", "all")]))
    used = set()
    for key in range(16):
        answers = spread(proxy, 2, target.format(key), [(name, value.format(key)) for name, value in headers])
        assert len(answers) == 1
        used |= set(answers)
    assert len(used) > 1


def test_a_key_whose_backend_refuses_goes_elsewhere_and_the_others_stay(serve, backends):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and never listens
        settings = {"load_balancing": "consistent_hash", "consistent_hash": {"source": "header", "name": "x-user"}}
        proxy = serve(config([cluster("all", *backends, closed.getsockname(), **settings)],
                             [route("everything", "all")]))
        for user in range(60):
            assert len(spread(proxy, 2, headers=[("x-user", f"user-{user}")])) == 1
        # About a fifth of the keys lead there; none of 60 has a probability of 0.8 ** 60.
        num_failures = proxy.metric("proxyd_upstream_connect_failures_total")
        assert 0 < num_failures < 120
        assert proxy.metric("proxyd_upstream_retries_total") == num_failures


@pytest.mark.parametrize("trusted", [True, False])
def test_clients_are_told_apart_by_what_a_trusted_proxy_says(serve, backends, trusted):
    listener = {"trusted_proxies": ["127.0.0.0/8"]} if trusted else {}
    proxy = serve(config([cluster("all", *backends, load_balancing="consistent_hash")],
                         [route("everything", "all")], **listener))
    used = set()
    for client in range(64):
        answers = spread(proxy, 2, headers=[("X-Forwarded-For", f"203.0.113.{client}")])
        assert len(answers) == 1, f"client {client}: {answers}"
        used |= set(answers)
    assert len(used) == (4 if trusted else 1)


def test_weights_of_endpoints(serve, backends):
    proxy = serve(weighted(backends, [6, 2, 1, 1]))
    counts = sorted(spread(proxy, 100).values(), reverse=True)
    assert all(abs(count - wanted) <= 3 for count, wanted in zip(counts, [60, 20, 10, 10])), counts


def test_weights_of_clusters_are_exact(serve, backends):
    value = config([cluster(f"c{i}", backend) for i, backend in enumerate(backends)], [route("everything", "c0")])
    value["routes"][0]["rules"][0]["backends"] = [
        {"cluster": f"c{i}", "weight": weight} for i, weight in enumerate([60, 30, 10, 0])]
    proxy = serve(value)
    for _ in range(5):  # any 10 picks per backend
        counts = spread(proxy, 40)
        for i, wanted in enumerate([24, 12, 4, 0]):
            assert abs(counts.get(f"served by b{i}\n", 0) - wanted) <= 1, counts


def test_the_own_zone_comes_first(start, backends, tmp_path):
    from support.config_file import write_config
    value = weighted(backends, [1, 1, 1, 1], zones=["a", "a", "b", "b"], locality={"prefer": "own_zone"})
    proxy = start("--config", write_config(tmp_path / "config", value), "--workers", "1", "--zone", "b").wait_ready()
    assert set(spread(proxy, 20)) == {"served by b2\n", "served by b3\n"}
    assert proxy.metric('proxyd_upstream_picks_total{why="other_zone"}') == 0
    del value["clusters"][0]["endpoints"][3]  # 1/3 of the endpoints * 2 zones * 1.4 < 1
    write_config(tmp_path / "config", value)
    proxy.wait_adopted(2)
    assert len(spread(proxy, 30)) == 3
    assert proxy.metric('proxyd_upstream_picks_total{why="other_zone"}') in (2, 3)


def test_peak_ewma_leaves_a_backend_alone_that_refuses(serve, backends):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and never listens
        proxy = serve(config([cluster("all", backends[0], closed.getsockname(), load_balancing="peak_ewma")],
                             [route("everything", "all")]))
        assert spread(proxy, 40) == {"served by b0\n": 40}
        assert proxy.metric("proxyd_upstream_connect_failures_total") <= 2
