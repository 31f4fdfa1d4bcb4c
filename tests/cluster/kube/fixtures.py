"""Fixtures of the tests on the lab."""

import itertools
import os

import pytest
from support.certificates import Authority
from support.daemon import Daemon, run, stop_all

from .lab import FaultProxy, Lab
from .objects import CONTROLLER, WHOLE_CLUSTER, cluster_rights, ingress_class, namespace, service_account
from .site import Site

ACCOUNT = "proxyd"
SYSTEM = "proxyd-system"
numbers = itertools.count(1)


@pytest.fixture(scope="session")
def lab():
    """With a ServiceAccount that may do what a controller of the whole cluster has to."""
    lab = Lab()
    lab.api.create(namespace(SYSTEM), service_account(ACCOUNT, SYSTEM), cluster_rights(ACCOUNT, SYSTEM, WHOLE_CLUSTER))
    return lab


@pytest.fixture(scope="session")
def size():
    return int(os.environ.get("CLUSTER_SIZE", "500"))


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def kubeconfig(lab, tmp_path_factory):
    return lab.account_kubeconfig(SYSTEM, ACCOUNT, tmp_path_factory.mktemp("kubeconfig") / "config")


@pytest.fixture
def site(lab):
    """A namespace and an IngressClass of this test's own. Its Ingresses go at the end, so that none is left to serve."""
    number = next(numbers)
    made = Site(lab, f"test-{number}", f"class-{number}", f"{CONTROLLER}-{number}")
    lab.api.create(namespace(made.namespace), ingress_class(made.class_name, made.controller))
    yield made
    lab.api.delete_all("Ingress", made.namespace)
    lab.api.delete("IngressClass", None, made.class_name)
    lab.api.delete("Namespace", None, made.namespace)


@pytest.fixture
def faults(lab):
    """The proxy with faults, without any at first."""
    proxy = FaultProxy(lab)
    yield proxy
    proxy.stop()


@pytest.fixture
def run_proxyd(tmp_path, kubeconfig, site):
    """run_proxyd(*args): proxyd as the controller of the site's class, with one listener unless `args` say otherwise."""
    started = []

    def run(*args, source=None):
        args = ["--kubeconfig", source or kubeconfig, "--controller-name", site.controller, *args]
        for option, value in (("--http", "127.0.0.1:0"), ("--workers", "2")):
            if option not in args:
                args += [option, value]
        scratch = tmp_path / f"proxyd-{len(started)}"
        scratch.mkdir()
        started.append(Daemon(args, scratch))
        return started[-1]

    yield run
    stop_all(started)


@pytest.fixture
def proxyd(run_proxyd, site):
    """One that is ready. site.check() asks it."""
    site.proxyd = run_proxyd()
    return site.proxyd.wait_ready()


NOTES = []


@pytest.fixture
def note(request):
    """note(text): what is worth reading of a test that passed; shown at the end."""
    return lambda text: NOTES.append(f"{request.node.name}: {text}")


def pytest_terminal_summary(terminalreporter):
    for line in NOTES:
        terminalreporter.write_line(line)
