"""Fixtures of the tests of TLS: hosts with certificates of their own, behind one listener that speaks TLS."""

import pytest

from .backend import ok
from .config_file import secured, single


@pytest.fixture
def certificates(authority):
    """By what they are for."""
    return {"a": authority.make("a.test"), "wild": authority.make("*.wild.test"), "b": authority.make("b.test"),
            "default": authority.make("default.test")}


@pytest.fixture
def listed(certificates):
    """As the configuration lists them; "default" has no server names."""
    return [certificates["a"].config("a", "a.test"), certificates["b"].config("b", "b.test"),
            certificates["wild"].config("wild", "*.wild.test"), certificates["default"].config("default")]


@pytest.fixture
def serve_tls(serve, make_backend, listed):
    """serve_tls(certificates, backend, settings, **tls): proxyd with one worker and one listener, which has `settings`
    and speaks TLS as `tls` says, with the certificates `listed` unless others are given. The backend answers "ok"."""
    def run(certificates=None, backend=None, settings=None, **tls):
        value = single(backend or make_backend(ok()), **(settings or {}))
        return serve(secured(value, certificates or listed, **tls))

    return run
