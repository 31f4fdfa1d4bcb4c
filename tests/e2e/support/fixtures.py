"""Fixtures of all tests that run the real daemon. Everything is on loopback and free ports, and ends with its test."""

import pytest

from .backend import Backend
from .certificates import Authority
from .config_file import single, write_config
from .daemon import Daemon, stop_all
from .manifests import ManifestFolder
from .raw_backend import RawBackend


@pytest.fixture
def manifests(tmp_path):
    return ManifestFolder(tmp_path / "manifests")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    """An Authority, whose certificates are made once for all tests."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def make_backend():
    """make_backend(handler, name=...): a running Backend."""
    made = []

    def make(handler=None, **kwargs):
        made.append(Backend(handler, **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.fixture
def start(tmp_path, manifests):
    """start(*args): proxyd with the folder `manifests` and one listener, unless `args` say otherwise."""
    started = []

    def start_daemon(*args, **kwargs):
        args = list(args)
        if "--config" not in args and "--manifests" not in args:
            args += ["--manifests", manifests.root]
        if "--config" not in args and "--http" not in args:
            args += ["--http", "127.0.0.1:0"]
        if "--workers" not in args:
            args += ["--workers", "2"]
        scratch = tmp_path / f"daemon-{len(started)}"
        scratch.mkdir()
        started.append(Daemon(args, scratch, **kwargs))
        return started[-1]

    yield start_daemon
    stop_all(started)


@pytest.fixture
def make_raw_backend():
    """make_raw_backend(script): a running RawBackend, which checks itself at the end."""
    made = []

    def make(script, **kwargs):
        made.append(RawBackend(script, **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.close()
    for backend in made:
        backend.check()


@pytest.fixture
def serve(start, tmp_path):
    """serve(backend, cluster_settings=..., **listener): proxyd with one worker, all requests to `backend`."""
    def start_daemon(backend, cluster_settings=None, **listener):
        value = backend if isinstance(backend, dict) else single(backend, cluster_settings, **listener)
        return start("--config", write_config(tmp_path / "config", value), "--workers", "1",
                     # As ourselves: limits of another user's process are not a test's to set.
                     "--user", "root").wait_ready()

    return start_daemon
