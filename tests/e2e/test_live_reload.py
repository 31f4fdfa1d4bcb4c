"""Changes of the folder are served soon, without a restart and without one failed request."""

import os

import pytest

from support.load import CheckedLoad
from support.manifests import site, to_text
from support.waiting import eventually

HOST = "a.example.com"


@pytest.fixture
def blue(make_backend):
    return make_backend(name="blue")


@pytest.fixture
def green(make_backend):
    return make_backend(name="green")


def is_either(body):
    return body in (b"served by blue\n", b"served by green\n")


def test_saving_in_place(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    assert "blue" in proxy.ask(HOST).text
    with CheckedLoad(proxy.http, HOST, connections=4, is_good=is_either) as load:
        manifests.write("a.yaml", site("a", HOST, green))
        proxy.wait_answer(HOST, "/", 200, "green")
    assert load.failures == [] and load.num_ok > 0


def test_renaming_over(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    with CheckedLoad(proxy.http, HOST, connections=4, is_good=is_either) as load:
        manifests.rename_over("a.yaml", site("a", HOST, green))
        proxy.wait_answer(HOST, "/", 200, "green")
    assert load.failures == [] and load.num_ok > 0


def test_swapping_a_mounted_config_map(start, manifests, blue, green):
    manifests.swap_volume("v1", {"a.yaml": [site("a", HOST, blue)]})
    proxy = start().wait_ready()
    with CheckedLoad(proxy.http, HOST, connections=4, is_good=is_either) as load:
        for version, backend in enumerate([green, blue, green], start=2):
            manifests.swap_volume(f"v{version}", {"a.yaml": [site("a", HOST, backend)]})
            proxy.wait_answer(HOST, "/", 200, backend.name)
    assert load.failures == [] and load.num_ok > 0


def test_symlink_target_outside_of_the_folder(start, manifests, blue, green, tmp_path):
    outside = tmp_path / "outside.yaml"
    outside.write_text(to_text(site("a", HOST, blue)))
    os.symlink(outside, manifests.path("a.yaml"))
    proxy = start().wait_ready()
    assert "blue" in proxy.ask(HOST).text
    outside.write_text(to_text(site("a", HOST, green)))
    proxy.wait_answer(HOST, "/", 200, "green")


def test_broken_file_keeps_its_last_good_objects_and_says_so(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    with CheckedLoad(proxy.http, HOST, connections=4, is_good=is_either) as load:
        manifests.write_text("a.yaml", "kind: Ingress\nmetadata: {name: [\n")
        problem = eventually(proxy.problems, "a problem")[0]
        assert problem["source"] == "a.yaml"
        assert "blue" in proxy.ask(HOST).text
        manifests.write("a.yaml", site("a", HOST, green))
        proxy.wait_answer(HOST, "/", 200, "green")
        eventually(lambda: not proxy.problems(), "the problem to go")
    assert load.failures == [] and load.num_ok > 0


def test_unreadable_file_keeps_its_last_good_objects(start, manifests, blue):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    manifests.remove("a.yaml")
    os.mkfifo(manifests.path("a.yaml"))  # must neither hang the daemon nor drop the objects
    problem = eventually(proxy.problems, "a problem")[0]
    assert (problem["source"], problem["why"]) == ("a.yaml", "not a regular file")
    assert "blue" in proxy.ask(HOST).text


def test_deleting_a_file_removes_its_objects_only(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    manifests.write("b.yaml", site("b", "b.example.com", green))
    proxy = start().wait_ready()
    with CheckedLoad(proxy.http, "b.example.com", connections=2, is_good=is_either) as load:
        assert proxy.ask(HOST).status == 200
        manifests.remove("a.yaml")
        proxy.wait_answer(HOST, "/", 404)
        manifests.write("a.yaml", site("a", HOST, blue))
        proxy.wait_answer(HOST, "/", 200, "blue")
    assert load.failures == [] and load.num_ok > 0


def test_half_written_file_changes_nothing(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    generation = proxy.page("/generation")["published"]
    text = to_text(site("a", HOST, green))
    with open(manifests.path("a.yaml"), "w", encoding="utf-8") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        assert "blue" in proxy.ask(HOST).text
        file.write(text[len(text) // 2:])
    proxy.wait_answer(HOST, "/", 200, "green")
    assert proxy.page("/generation")["published"] == generation + 1


def test_endpoints_that_move_lose_no_request(start, manifests, blue, green):
    manifests.write("a.yaml", site("a", HOST, blue))
    proxy = start().wait_ready()
    with CheckedLoad(proxy.http, HOST, connections=8, is_good=is_either) as load:
        for backends in ([blue, green], [green], [green, blue], [blue]) * 3:
            before = proxy.page("/generation")["published"]
            manifests.write("a.yaml", site("a", HOST, *backends))
            proxy.wait_adopted(before + 1)
    assert load.failures == []
    eventually(lambda: all(w["views"] == 1 for w in proxy.page("/generation")["workers"]), "one view per worker")


def test_config_file_is_reloaded_and_a_bad_one_keeps_the_last(start, tmp_path, blue):
    file = tmp_path / "gateway.yaml"
    good = f"""
version: 1
listeners: [{{name: http-0, address: 127.0.0.1}}]
clusters: [{{name: blue, endpoints: [{{address: 127.0.0.1, port: {blue.port}}}]}}]
routes: [{{name: all, rules: [{{backends: [{{cluster: blue}}]}}]}}]
"""
    file.write_text(good)
    proxy = start("--config", str(file)).wait_ready()
    assert "blue" in proxy.ask().text
    file.write_text(good + "surprise: 1\n")
    problem = eventually(proxy.problems, "a problem")[0]
    assert problem["source"] == "gateway.yaml"
    proxy.wait_line("last good configuration stays in use")
    assert "blue" in proxy.ask().text
    file.write_text(good.replace("rules: [{", "rules: [{matches: [{path: {type: prefix, value: /only}}], "))
    proxy.wait_answer("example.com", "/", 404)
    assert "blue" in proxy.ask(target="/only").text
    eventually(lambda: proxy.problems() == [], "the problems to be gone")
