"""The rows of h2spec's list against nghttpd, which is held to be right: a client that finds fault with everybody is
wrong itself."""

import shutil
import subprocess

import pytest
from links import Tcp
from rows import LISTED
from runner import run_row
from support.nginx import free_ports
from support.waiting import eventually

ANSWER = "GET / HTTP/1.1"  # as our own backend answers

# What it does not hold, and why.
KNOWN = {"http2/5.1.1/2": "a new stream below one that was used is ignored, where 5.1.1 wants a connection error: "
                          "nghttp2 does not remember which streams were left out"}


class Nghttpd:
    def __init__(self, folder):
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "index.html").write_text(ANSWER, encoding="ascii")
        (folder / "files" / "last").write_text(ANSWER, encoding="ascii")
        (self.port,) = free_ports(1)
        self.process = subprocess.Popen(["nghttpd", "--no-tls", "-a", "127.0.0.1", "-d", str(folder / "files"),
                                         str(self.port)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        eventually(self._is_listening, "nghttpd to listen")

    def _is_listening(self):
        assert self.process.poll() is None, "nghttpd ended"
        try:
            Tcp.open(f"127.0.0.1:{self.port}").link.close()
        except ConnectionRefusedError:
            return False
        return True

    def close(self):
        self.process.terminate()
        self.process.wait(30)


@pytest.fixture(scope="module")
def nghttpd(tmp_path_factory):
    assert shutil.which("nghttpd"), "nghttpd is missing: ./dev setup test"
    peer = Nghttpd(tmp_path_factory.mktemp("peers") / "nghttpd")
    yield f"127.0.0.1:{peer.port}"
    peer.close()


@pytest.mark.parametrize("name", LISTED)
def test_row(nghttpd, name):
    with Tcp.open(nghttpd) as client:
        if name not in KNOWN:
            return run_row(LISTED[name], client)
        with pytest.raises(AssertionError):
            run_row(LISTED[name], client)
    return None
