"""The proxy under HTTP/2 of all kinds, and the count of rows at the end."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../attacks"), os.path.join(HERE, "../e2e")]

from harness.recorder import Recorder  # noqa: E402
from links import LINKS  # noqa: E402
from rows import LISTED, ROWS  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.config_file import single, write_config  # noqa: E402
from support.daemon import Daemon, binary  # noqa: E402
from support.fixtures import *  # noqa: E402,F401,F403


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no daemon at {binary()}: ./dev build, or set PROXYD_BIN", returncode=2)


@pytest.fixture(scope="session")
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.close()


class Proxies:
    """Daemons with one worker and a listener of each kind, named as the links are."""

    def __init__(self, folder):
        self.folder, self.started = folder, []
        (folder / "authority").mkdir()
        self.certificate = Authority(folder / "authority").make("a.test").config("ours")

    def start(self, value):
        folder = self.folder / f"daemon-{len(self.started)}"
        folder.mkdir()
        common = value["listeners"][0]
        over = {"tcp": {}, "tls": {"tls": {"default_certificate": "ours"}}}
        value = {**value, "certificates": [self.certificate],
                 "listeners": [{**common, "name": name, **over[name]} for name in LINKS]}
        self.started.append(Daemon(["--config", write_config(folder / "config", value), "--workers", "1"], folder))
        return self.started[-1].wait_ready()

    def stop(self):
        while self.started:
            self.started.pop().stop()


@pytest.fixture(scope="session")
def proxies(tmp_path_factory):
    proxies = Proxies(tmp_path_factory.mktemp("h2"))
    yield proxies
    proxies.stop()


@pytest.fixture
def start_proxy(tmp_path):
    """start_proxy(config): one for this test."""
    proxies = Proxies(tmp_path)
    yield proxies.start
    proxies.stop()


@pytest.fixture(scope="session")
def proxy(proxies, recorder):
    """One daemon for all rows: what one left behind, the next would show."""
    return proxies.start(single(recorder))


@pytest.fixture(scope="session", params=LINKS)
def link(request):
    """The kind of connection."""
    return LINKS[request.param]


@pytest.fixture
def canary(proxy, link):
    """Somebody on another connection, who is served before and after."""
    with link.open(proxy.address(link.name)) as client:
        client.open()
        assert client.ask().status == 200
        yield client
        last = client.ask()
        assert last.status == 200 and last.is_ended


def pytest_terminal_summary(terminalreporter):
    """`./dev test` prints these lines."""
    held = {}
    for report in terminalreporter.stats.get("passed", []):
        properties = dict(report.user_properties)
        if report.when == "call" and "row" in properties:
            held.setdefault(properties["link"], set()).add(properties["row"])
    for name, rows in held.items():
        terminalreporter.write_line(f"h2 table: {len(rows)} of {len(ROWS)} rows held over {name}, "
                                    f"{len(rows & LISTED.keys())} of {len(LISTED)} of h2spec's list")
