"""Fixtures of tests whose backends speak HTTP/2."""

import pytest

from .h2_backend import Http2Backend


@pytest.fixture
def make_http2_backend():
    made = []

    def make(*args, **kwargs):
        made.append(Http2Backend(*args, **kwargs))
        return made[-1]

    yield make
    for backend in made:
        backend.close()


@pytest.fixture
def serve2(serve):
    """serve2(backend, **cluster settings): one worker, all requests to `backend` by HTTP/2 with prior knowledge."""
    return lambda backend, **settings: serve(backend, {"protocol": "http2", **settings})
