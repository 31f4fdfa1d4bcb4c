"""The proxy under attack, and the count of cases at the end."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))

from harness.recorder import Recorder  # noqa: E402
from harness.transport import TcpTransport  # noqa: E402
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
    config = single(recorder)
    common = config["listeners"][0]
    config["listeners"] = [{**common, "name": name, **settings} for name, settings in LISTENERS.items()]
    daemon = Daemon(["--config", write_config(folder / "config", config), "--workers", "1"], folder)
    yield daemon.wait_ready()
    daemon.stop()


@pytest.fixture(scope="session")
def transports(proxy):
    """By name of the listener."""
    return {name: TcpTransport(proxy.address(name)) for name in LISTENERS}


def pytest_terminal_summary(terminalreporter):
    """`./dev test` prints this line."""
    cases, runs = set(), 0
    for report in terminalreporter.stats.get("passed", []):
        name = dict(report.user_properties).get("case")
        if report.when == "call" and name:
            cases.add(name)
            runs += 1
    terminalreporter.write_line(f"attack table: {len(cases)} cases held in {runs} runs")


@pytest.fixture
def case_of(record_property):
    """case_of(table, id): the row, which is then counted."""
    def find(table, name):
        record_property("case", name)
        return table[name]

    return find
