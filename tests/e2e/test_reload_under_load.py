"""Two hundred edits of the folder, in every way in which files change, under load: no request fails."""

import os
import time

import pytest

from support.load import Wrk
from support.manifests import endpoint_slice, ingress, path, service, to_text
from support.nginx import Nginx
from support.waiting import eventually

NUM_EDITS = 200
MIN_RATE = 2000
HOST = "load.test"
BROKEN = "kind: Ingress\nmetadata: {name: [\n"


@pytest.fixture
def backends(tmp_path):
    """Four endpoints that answer their names: (address, port) by name."""
    names = ["a", "b", "c", "mark"]
    servers = [f'server {{ listen 127.0.0.1:{{port{i}}}; location / {{ return 200 "{name}\\n"; }} }}'
               for i, name in enumerate(names)]
    nginx = Nginx(tmp_path / "nginx", "\n".join(servers), len(names))
    yield {name: ("127.0.0.1", port) for name, port in zip(names, nginx.ports)}
    nginx.close()


class Folder:
    """Files that change, each in its own way. A change is seen when `has_…` holds for it."""

    def __init__(self, manifests, backends):
        self.manifests, self.backends = manifests, backends
        self.proxy = None
        manifests.write("fixed.yaml", ingress("load", HOST, [path("/", "load")]), service("load"), service("mark"),
                        endpoint_slice("mark", [backends["mark"]]))
        for change in (self.save_routes, self.rename_endpoints, self.swap_volume, self.write_halves):
            change(0)

    def answer(self, target):
        response = self.proxy.ask(HOST, target)
        assert response.status == 200
        return response.text.strip()

    def is_marked(self, kind, version):
        """Only the newest path of the kind leads away from the endpoints of the load."""
        is_old_gone = version == 0 or self.answer(f"/{kind}-{version - 1}") != "mark"
        return self.answer(f"/{kind}-{version}") == "mark" and is_old_gone

    def marked_route(self, kind, version):
        return ingress(kind, HOST, [path(f"/{kind}-{version}", "mark", path_type="Exact")])

    # Saved in place.
    def save_routes(self, version):
        self.manifests.write("routes.yaml", self.marked_route("routes", version))

    def has_routes(self, version):
        return self.is_marked("routes", version)

    # Renamed over: the endpoints that serve the load itself.
    def rename_endpoints(self, version):
        names = ("a" if version % 2 == 0 else "b", "c")
        self.manifests.rename_over("endpoints.yaml", endpoint_slice("load", [self.backends[n] for n in names]))

    def has_endpoints(self, version):
        return self.answer("/") == ("a" if version % 2 == 0 else "b")

    # Swapped as the volume of a mounted ConfigMap.
    def swap_volume(self, version):
        self.manifests.swap_volume(f"v{version}", {"volume.yaml": [self.marked_route("volume", version)]})

    def has_volume(self, version):
        return self.is_marked("volume", version)

    # Broken on odd versions, mended in two halves on even ones.
    def write_halves(self, version):
        if version % 2:
            self.manifests.write_text("halves.yaml", BROKEN)
            return
        text = to_text([self.marked_route("halves", version)])
        with open(self.manifests.path("halves.yaml"), "w", encoding="utf-8") as file:
            file.write(text[:len(text) // 2])
            file.flush()
            assert version == 0 or self.is_marked("halves", version - 2)  # the last good content
            file.write(text[len(text) // 2:])

    def has_halves(self, version):
        problems = [problem["source"] for problem in self.proxy.problems()]
        if version % 2:  # the last good content goes on
            return problems == ["halves.yaml"] and self.is_marked("halves", version - 1)
        return problems == [] and self.is_marked("halves", version)


def published(proxy):
    return proxy.page("/generation")["published"]


def test_edits_under_load_lose_no_request(start, manifests, backends):
    folder = Folder(manifests, backends)
    proxy = folder.proxy = start("--access-log", "off").wait_ready()
    # Two at a time: they settle side by side.
    pairs = [((folder.save_routes, folder.has_routes), (folder.write_halves, folder.has_halves)),
             ((folder.rename_endpoints, folder.has_endpoints), (folder.swap_volume, folder.has_volume))]
    for _, is_seen in pairs[0] + pairs[1]:
        eventually(lambda is_seen=is_seen: is_seen(0), "the first content of all files")
    before = published(proxy)
    load = Wrk(proxy.http, HOST, seconds=300, connections=16)
    eventually(lambda: proxy.metric('proxyd_requests_total{class="2xx"}') > 1000, "the load")
    began = time.monotonic()
    num_edits = 0
    for round_ in range(NUM_EDITS // 2):
        version = round_ // 2 + 1
        pair = pairs[round_ % 2]
        for change, _ in pair:
            change(version)
            num_edits += 1
        for change, is_seen in pair:
            eventually(lambda is_seen=is_seen: is_seen(version), f"{change.__name__} {version}")
    seconds = time.monotonic() - began
    load.stop()
    result = load.result()
    assert num_edits == NUM_EDITS and published(proxy) - before >= NUM_EDITS // 2
    assert (result["num_bad_status"], result["num_socket_errors"]) == (0, 0), result
    for status in ("4xx", "5xx"):
        assert proxy.metric(f'proxyd_requests_total{{class="{status}"}}') == 0
    if not os.environ.get("INGRESS_SANITIZE"):
        assert result["rate"] >= MIN_RATE, f"too little load to show anything: {result}"
    newest = published(proxy)
    proxy.wait_adopted(newest)
    eventually(lambda: all(worker["views"] == 1 for worker in proxy.page("/generation")["workers"]),
               "one view per worker")
    print(f"{num_edits} edits, {newest - before} generations, {seconds:.1f} s, {result}")
