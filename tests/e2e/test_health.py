"""Health checks and outlier ejection, seen by users, backends and on /clusters."""

import threading

from support.backend import Held, ok
from support.config_file import cluster, config, route, write_config
from support.waiting import eventually

FAST_CHECK = {"path": "/live", "interval_ms": 20, "timeout_ms": 2000, "unhealthy_threshold": 2,
              "healthy_threshold": 2}


def start_with(start, tmp_path, backends, **settings):
    value = config([cluster("c", *backends, **settings)], [route("all", "c")])
    return start("--config", write_config(tmp_path / "config", value), "--workers", "3").wait_ready()


def states(daemon):
    """By port of the endpoint."""
    (page,) = daemon.page("/clusters")["clusters"]
    return {endpoint["port"]: endpoint for endpoint in page["endpoints"]}


def wait_state(daemon, backend, state):
    return eventually(lambda: (found := states(daemon)[backend.port])["state"] == state and found,
                      f"{backend.name} to be {state}")


def users(backend):
    return [request for request in backend.requests if request.target != "/live"]


def ask(daemon, count):
    """Each on a connection of its own, so that every worker gets some."""
    return [daemon.ask("a.test").status for _ in range(count)]


class Switch:
    """Answers with a status that may change; /live has one of its own."""

    def __init__(self):
        self.status = self.live = "200 OK"

    def __call__(self, conversation):
        is_probe = conversation.request.target == "/live"
        conversation.send(ok(status=self.live if is_probe else self.status))


def test_an_endpoint_whose_check_fails_gets_no_requests_until_it_passes_again(start, tmp_path, make_backend):
    switch = Switch()
    bad, good = make_backend(switch, name="bad"), make_backend(Switch(), name="good")
    daemon = start_with(start, tmp_path, [bad, good], health_check=FAST_CHECK, panic_threshold_percent=0)
    assert wait_state(daemon, bad, "healthy")["reason"] == "status_200"
    switch.live = "500 Broken"
    entry = wait_state(daemon, bad, "unhealthy")
    assert entry["reason"] == "status_500"
    assert entry["since_unix_ms"] > 0
    # Told to all workers by now or soon.
    eventually(lambda: (before := len(users(bad)), ask(daemon, 12)) and len(users(bad)) == before,
               "no more requests to the unhealthy endpoint")
    switch.live = "200 OK"
    wait_state(daemon, bad, "healthy")
    seen = len(users(bad))
    eventually(lambda: ask(daemon, 4) and len(users(bad)) > seen, "requests to the healthy endpoint")


def test_each_endpoint_is_probed_by_one_worker(start, tmp_path, make_backend):
    probing = threading.Lock()
    overlaps = []

    def answer(conversation):
        if not probing.acquire(blocking=False):
            overlaps.append(conversation.request.target)
            return
        conversation.send(ok())
        probing.release()

    backend = make_backend(answer)
    start_with(start, tmp_path, [backend], health_check={**FAST_CHECK, "host": "probe.test"})
    probes = backend.wait_requests(30)
    assert not overlaps
    assert {request.header("host") for request in probes} == {"probe.test"}
    assert {request.target for request in probes} == {"/live"}


def test_a_tcp_check_finds_a_backend_that_refuses(start, tmp_path, make_backend):
    gone, good = make_backend(name="gone"), make_backend(name="good")
    daemon = start_with(start, tmp_path, [gone, good], health_check={**FAST_CHECK, "type": "tcp"})
    wait_state(daemon, gone, "healthy")
    gone.close()
    assert wait_state(daemon, gone, "unhealthy")["reason"] == "connect_failed"
    assert states(daemon)[good.port]["state"] == "healthy"


def test_a_bad_backend_is_ejected_and_comes_back(start, tmp_path, make_backend):
    switch = Switch()
    bad = make_backend(switch, name="bad")
    good = [make_backend(name=f"good-{i}") for i in range(4)]
    detection = {"consecutive_5xx": 3, "interval_ms": 50, "base_ejection_time_ms": 400,
                 "max_ejection_time_ms": 400}
    daemon = start_with(start, tmp_path, [bad, *good], outlier_detection=detection)
    assert states(daemon)[bad.port]["state"] == "unprobed"
    switch.status = "500 Broken"
    eventually(lambda: ask(daemon, 10) and daemon.metric("proxyd_outlier_ejections_total") >= 1, "an ejection")
    switch.status = "200 OK"
    entry = eventually(lambda: (found := states(daemon)[bad.port])["state"] == "unprobed" and found,
                       "the endpoint to come back")
    assert entry["reason"] == "ejection_over"
    seen = len(bad.requests)
    eventually(lambda: ask(daemon, 5) and len(bad.requests) > seen, "requests to it")


def test_a_refusing_endpoint_is_ejected_and_users_see_nothing(start, tmp_path, make_backend):
    gone = make_backend(name="gone")
    good = [make_backend(name=f"good-{i}") for i in range(4)]
    gone.close()
    daemon = start_with(start, tmp_path, [gone, *good],
                        outlier_detection={"consecutive_gateway_failure": 2, "consecutive_5xx": 0})
    statuses = []
    eventually(lambda: statuses.extend(ask(daemon, 10)) or states(daemon)[gone.port]["state"] == "ejected",
               "the refusing endpoint to be ejected")
    assert set(statuses) == {200}
    assert states(daemon)[gone.port]["reason"] == "consecutive_gateway_failure"
    # One of five at most.
    assert [state["state"] for state in states(daemon).values()].count("ejected") == 1


def test_clusters_page_shows_load_and_breakers(start, tmp_path, make_backend):
    with Held() as held:
        backend = make_backend(held)
        daemon = start_with(start, tmp_path, [backend], circuit_breakers={"max_requests": 1})
        client = daemon.connect()
        client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        held.wait_arrived()
        assert ask(daemon, 1) == [503]
        (page,) = daemon.page("/clusters")["clusters"]
        assert page["name"] == "c"
        (endpoint,) = page["endpoints"]
        assert (endpoint["address"], endpoint["state"], endpoint["active_requests"]) == ("127.0.0.1", "unprobed", 1)
        assert page["circuit_breakers"]["max_requests"] == {"limit": 1, "current": 1, "overflows": 1}
        held.release()
        assert client.read_response().status == 200
    eventually(lambda: states(daemon)[backend.port]["idle_connections"] == 1, "the connection to be kept")
