"""The proxy under attack, and the count of cases at the end."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from harness.recorder import Recorder  # noqa: E402
from harness.transport import TRANSPORTS  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.config_file import single, write_config  # noqa: E402
from support.daemon import Daemon, binary  # noqa: E402
from table.listeners import LISTENERS  # noqa: E402


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no daemon at {binary()}: ./dev build, or set PROXYD_BIN", returncode=2)


@pytest.fixture(scope="session")
def recorder():
    recorder = Recorder()
    yield recorder
    recorder.close()


@pytest.fixture(scope="session")
def proxy(tmp_path_factory, recorder):
    """One daemon with one worker for all rows: what one left behind, the next would show."""
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "authority").mkdir()
    config = single(recorder)
    common = config["listeners"][0]
    over = {"tcp": {}, "tls": {"tls": {"default_certificate": "ours"}}}
    config["listeners"] = [{**common, "name": f"{name}-{transport}", **settings, **over[transport]}
                           for name, settings in LISTENERS.items() for transport in TRANSPORTS]
    config["certificates"] = [Authority(folder / "authority").make("a.test").config("ours")]
    daemon = Daemon(["--config", write_config(folder / "config", config), "--workers", "1"], folder)
    yield daemon.wait_ready()
    daemon.stop()


@pytest.fixture(scope="session", params=TRANSPORTS)
def transports(request, proxy):
    """Of one kind, by name of the listener."""
    return {name: TRANSPORTS[request.param](proxy.address(f"{name}-{request.param}")) for name in LISTENERS}


def pytest_terminal_summary(terminalreporter):
    """`./dev test` prints these lines."""
    cases, runs = {}, {}
    for report in terminalreporter.stats.get("passed", []):
        properties = dict(report.user_properties)
        if report.when == "call" and "case" in properties:
            transport = properties["transport"]
            cases.setdefault(transport, set()).add(properties["case"])
            runs[transport] = runs.get(transport, 0) + 1
    for transport, names in cases.items():
        terminalreporter.write_line(f"attack table: {len(names)} cases held in {runs[transport]} runs over {transport}")


@pytest.fixture
def case_of(record_property, transports):
    """case_of(table, id): the row, which is then counted."""
    def find(table, name):
        record_property("case", name)
        record_property("transport", transports["default"].name)
        return table[name]

    return find
