"""Tests on a real API server. `./dev test cluster` starts them inside of the lab; each test has a namespace of its own.

CLUSTER_SIZE is the number of Ingresses where a test is about many of them (default 500).
"""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "../e2e")]

from kube.fixtures import *  # noqa: E402,F401,F403
from support.daemon import binary  # noqa: E402


def pytest_sessionstart(session):
    if "KUBELAB" not in os.environ:
        pytest.exit("no lab: ./dev test cluster", returncode=2)
    if not os.access(binary(), os.X_OK):
        pytest.exit(f"no daemon at {binary()}: ./dev build, or set INGRESS_BIN_DIR", returncode=2)
