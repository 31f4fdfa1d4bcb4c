"""The end-to-end tests: the real daemon, seen from outside."""

import os

import pytest

from support.daemon import binary
from support.fixtures import *  # noqa: F401,F403
from support.h2_fixtures import *  # noqa: F401,F403
from support.stream_hosts import *  # noqa: F401,F403
from support.tls_hosts import *  # noqa: F401,F403


def pytest_sessionstart(session):
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no daemon at {binary()}: ./dev build, or set PROXYD_BIN", returncode=2)
