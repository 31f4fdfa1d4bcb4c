"""The processes of the daemon: who holds what, who may what, and what becomes of traffic when one of them dies."""

import os
import re
import signal
import threading

import pytest

from support.http_client import RawClient, fetch
from support.manifests import site
from support.processes import find_children, wait_child
from support.waiting import eventually


@pytest.fixture
def serve(start, manifests, make_backend):
    def run(*args, **kwargs):
        backend = make_backend(name="a")
        manifests.write("a.yaml", site("a", "a.example.com", backend))
        proxy = start(*args, **kwargs)
        proxy.wait_ready()
        return proxy

    return run


def kill_serving(proxy):
    """Kills the serving process; returns the next one."""
    old = proxy.serving
    os.kill(old.pid, signal.SIGKILL)
    return wait_child(proxy.process.pid, "proxyd-serving", other_than=old)


class Asking:
    """Threads that ask on a new connection each time, and write down what became of it."""

    def __init__(self, address, num_threads=4):
        self.address, self.stopping = address, threading.Event()
        self.lock, self.answers, self.refused, self.cut = threading.Lock(), 0, 0, 0
        self.threads = [threading.Thread(target=self._run, daemon=True) for _ in range(num_threads)]
        for thread in self.threads:
            thread.start()

    def _run(self):
        while not self.stopping.is_set():
            try:
                status = fetch(self.address, "/", host="a.example.com").status
                with self.lock:
                    self.answers += status == 200
            except ConnectionRefusedError:
                with self.lock:
                    self.refused += 1
            except OSError:
                with self.lock:
                    self.cut += 1
            except Exception:  # noqa: an answer that was cut
                with self.lock:
                    self.cut += 1

    def wait_more(self, count=20):
        goal = self.answers + count
        eventually(lambda: self.answers >= goal, f"{count} more answers")

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)


def test_killed_serving_process_is_replaced_and_no_connection_refused(serve):
    proxy = serve("--workers", "2")
    asking = Asking(proxy.http)
    admin = proxy.admin
    try:
        for _ in range(3):
            asking.wait_more()
            kill_serving(proxy)
            asking.wait_more()
    finally:
        asking.stop()
    assert asking.refused == 0
    # Only what was under way in the process that died: four clients, three deaths.
    assert asking.cut <= 12
    assert fetch(admin, "/readyz").status == 200  # at the same address
    assert "proxyd: the serving process ended with signal 9 (Killed); starting it again" in proxy.stderr_text()


def test_connections_wait_while_no_process_serves(serve):
    proxy = serve()
    address, old = proxy.http, proxy.serving
    os.kill(old.pid, signal.SIGSTOP)
    with RawClient(address) as client:  # the kernel takes it
        client.send(b"GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
        os.kill(old.pid, signal.SIGKILL)
        assert client.read_response().status == 200


def test_supervisor_drains_by_sigterm_and_ends_with_its_child(serve):
    proxy = serve()
    kill_serving(proxy)
    proxy.wait_ready()
    proxy.signal(signal.SIGTERM)
    assert proxy.wait_exit() == 0
    with pytest.raises(ConnectionRefusedError):
        RawClient(proxy.http)


def test_children_end_with_the_supervisor(serve):
    proxy = serve()
    children = list(find_children(proxy.process.pid).values())
    proxy.process.kill()
    for child in children:
        eventually(lambda child=child: not os.path.exists(f"/proc/{child.pid}"), "the child to end")
    proxy.process.wait(30)
    proxy.process.returncode = 0  # what the end of the fixture looks at


def test_serving_process_has_no_rights(serve):
    proxy = serve()
    status = proxy.serving.status
    assert status("NoNewPrivs") == ["1"]
    assert status("Seccomp") == ["2"]
    assert int(status("CapEff")[0], 16) == int(status("CapPrm")[0], 16) == int(status("CapBnd")[0], 16) == 0


def test_serving_process_opens_nothing_for_writing(serve):
    proxy = serve()
    folder = f"/proc/{proxy.serving.pid}/fdinfo"
    for name in os.listdir(folder):
        target = os.readlink(f"/proc/{proxy.serving.pid}/fd/{name}")
        with open(f"{folder}/{name}", encoding="ascii") as file:
            flags = int(re.search(r"^flags:\s+(\d+)", file.read(), re.MULTILINE).group(1), 8)
        is_file = target.startswith("/") and not target.startswith("/dev/")
        assert not is_file or flags & os.O_ACCMODE == os.O_RDONLY or target == proxy.log_path, target
