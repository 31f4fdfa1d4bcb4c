"""Faults under load: what each costs the users. The table is printed at the end; docs/reliability.md keeps it.

CHAOS_SECONDS bounds how long a fault goes on where more time shows more (default 2).
"""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e")]

from support.daemon import binary  # noqa: E402
from support.fixtures import *  # noqa: E402,F401,F403

ROWS = []


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no daemon at {binary()}: ./dev build, or set PROXYD_BIN", returncode=2)


@pytest.fixture(scope="session")
def seconds():
    return float(os.environ.get("CHAOS_SECONDS", "2"))


@pytest.fixture
def record():
    """record(fault, requests, cost): a row of the table."""
    return lambda fault, requests, cost: ROWS.append((fault, str(requests), cost))


def pytest_terminal_summary(terminalreporter):
    if not ROWS:
        return
    terminalreporter.write_line("| fault | requests | what users saw |")
    terminalreporter.write_line("|---|---|---|")
    for row in ROWS:
        terminalreporter.write_line("| " + " | ".join(row) + " |")
