"""Fixtures of the tests of TLS that is passed on by server name."""

import pytest

from .backend import ok
from .config_file import cluster, route
from .streams import behind_tls, greeting, stream, streams
from .tls_backend import server_context
from .tls_client import TlsClient, client_context

NAMES = ("own.test", "mqtt.test", "web.test")


@pytest.fixture
def own(authority, tmp_path, make_raw_backend):
    """A backend that terminates TLS itself, as own.test and others; `seen` are its handshakes."""
    made = authority.make("own.test", "a.wild.test", "else.test")
    seen = []
    backend = make_raw_backend(behind_tls(server_context(made, tmp_path / "own"), greeting(b"own "), seen))
    backend.seen, backend.made = seen, made
    return backend


@pytest.fixture
def plain(make_raw_backend):
    return make_raw_backend(greeting(b"plain "))


@pytest.fixture
def all_on_one(own, plain, make_backend, authority):
    """Passthrough, termination and HTTPS on the listener "tls"."""
    web = make_backend(ok("web"))
    return streams([cluster("own", own), cluster("plain", plain), cluster("web", web)],
                   [stream("own", "own", "tls", "passthrough", ["own.test", "*.wild.test"]),
                    stream("mqtt", "plain", "tls", "terminate", ["mqtt.test", "b.wild.test"])],
                   [{"name": "tls", "address": "127.0.0.1", "tls": {}}],
                   routes=[route("web", "web")],
                   certificates=[authority.make(name).config(name, name) for name in NAMES[1:]] +
                   [authority.make("b.wild.test").config("wild", "b.wild.test")])


def open_one(proxy, authority, name, listener="tls", **how):
    return TlsClient(proxy.address(listener), client_context(authority, **how), name)
