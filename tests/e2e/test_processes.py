"""The processes of the daemon: who holds what, who may what, and what becomes of traffic when one of them dies."""

import contextlib
import os
import re
import signal
import tempfile
import threading

import pytest

from support.certificates import Authority
from support.daemon import Daemon, run
from support.http_client import RawClient, fetch
from support.manifests import site
from support.processes import Process, find_children, wait_child
from support.waiting import eventually


@pytest.fixture
def serve(start, manifests, make_backend):
    def start_daemon(*args, **kwargs):
        backend = make_backend(name="a")
        manifests.write("a.yaml", site("a", "a.example.com", backend))
        proxy = start(*args, **kwargs)
        proxy.wait_ready()
        return proxy

    return start_daemon


def kill_serving(proxy):
    """Kills the serving process; returns the next one."""
    old = proxy.serving
    os.kill(old.pid, signal.SIGKILL)
    return wait_child(proxy.process.pid, "proxyd-serving", other_than=old)


def stop_and_wait(process):
    """Until each of its threads stands still."""
    os.kill(process.pid, signal.SIGSTOP)

    def is_still():
        states = []
        for task in os.listdir(f"/proc/{process.pid}/task"):
            with open(f"/proc/{process.pid}/task/{task}/stat", encoding="ascii") as file:
                states.append(file.read().rsplit(")", 1)[1].split()[0])
        return set(states) == {"T"}

    eventually(is_still, "the process to stand still")


def wait_kept(proxy):
    """Until the supervisor has a configuration for the next serving process."""
    supervisor = Process(proxy.process.pid)
    eventually(lambda: any("proxyd-config" in target for target in supervisor.descriptors().values()), "the copy")


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
    stop_and_wait(old)
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
    assert os.getuid() != 0 or set(status("Uid")) == set(status("Gid")) == {"64321"}
    assert status("Groups") == [] or os.getuid() != 0
    assert status("NoNewPrivs") == ["1"]
    assert status("Seccomp") == ["2"]
    assert int(status("CapEff")[0], 16) == int(status("CapPrm")[0], 16) == int(status("CapBnd")[0], 16) == 0


def files_to_write(process):
    """Targets of the descriptors by which the process could write to a file; of those that it closes meanwhile, none."""
    found = []
    for name, target in process.descriptors().items():
        if not target.startswith("/") or target.startswith("/dev/"):
            continue
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{process.pid}/fdinfo/{name}", encoding="ascii") as file:
            flags = int(re.search(r"^flags:\s+(\d+)", file.read(), re.MULTILINE).group(1), 8)
            if flags & os.O_ACCMODE != os.O_RDONLY:
                found.append(target)
    return found


def test_serving_process_opens_nothing_for_writing(serve):
    proxy = serve()
    # But for the log, and for a moment the copy of the configuration that it hands over.
    eventually(lambda: files_to_write(proxy.serving) == [proxy.log_path], "nothing else to be open")


def test_dead_controller_is_not_noticed_and_replaced(serve, manifests, make_backend):
    proxy = serve()
    old = wait_child(proxy.process.pid, "proxyd-control")
    asking = Asking(proxy.http)
    try:
        for _ in range(2):
            os.kill(old.pid, signal.SIGKILL)
            asking.wait_more()
            old = wait_child(proxy.process.pid, "proxyd-control", other_than=old)
        manifests.write("b.yaml", site("b", "b.example.com", make_backend(name="b")))
        proxy.wait_answer("b.example.com", "/", 200)  # by the new one
    finally:
        asking.stop()
    assert asking.refused == asking.cut == 0
    eventually(lambda: proxy.page("/readyz")["controller"]["connected"], "the controller to be there")


def test_admin_says_that_the_controller_is_missing(serve):
    proxy = serve()
    eventually(lambda: proxy.page("/readyz")["controller"]["connected"], "the controller to be there")
    assert proxy.metric("proxyd_controller_connected") == 1
    controller = wait_child(proxy.process.pid, "proxyd-control")
    os.kill(controller.pid, signal.SIGSTOP)  # there, and yet not
    try:
        eventually(lambda: not proxy.page("/readyz")["controller"]["connected"], "the controller to be missing")
        page = proxy.page("/readyz")
        assert page["ready"] and page["controller"]["why"] and page["controller"]["since_unix_ms"] > 0
        assert proxy.metric("proxyd_controller_connected") == 0
    finally:
        os.kill(controller.pid, signal.SIGCONT)
    eventually(lambda: proxy.page("/readyz")["controller"]["connected"], "the controller to be there again")


def test_serving_process_answers_again_without_a_controller(serve):
    proxy = serve()
    controller = wait_child(proxy.process.pid, "proxyd-control")
    wait_kept(proxy)
    os.kill(controller.pid, signal.SIGSTOP)
    try:
        kill_serving(proxy)
        assert proxy.ask("a.example.com").status == 200
        proxy.wait_line("serving the last configuration again")
        assert fetch(proxy.admin, "/readyz").status == 200
    finally:
        os.kill(controller.pid, signal.SIGCONT)


# Of the other two subcommands, each by itself.

@pytest.fixture
def link_folder():
    """Where the user that the serving process becomes may connect."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield folder


@pytest.fixture
def start_pair(tmp_path, manifests, make_backend, free_daemons):
    """A controller with these options, and a data plane with those, `{link}` being the controller's address."""
    def start_both(controller_args, serve_args):
        manifests.write("a.yaml", site("a", "a.example.com", make_backend(name="a")))
        controller = free_daemons(["--manifests", manifests.root, "--http", "127.0.0.1:0", *controller_args],
                                  tmp_path, command="controller", access_log=False)
        link = controller.address("link")
        if link.startswith("unix:"):
            os.chmod(link.removeprefix("unix:"), 0o666)
        serving = free_daemons([arg.replace("{link}", link) for arg in serve_args], tmp_path, command="serve")
        return controller, serving.wait_ready()

    return start_both


@pytest.fixture
def free_daemons():
    made = []

    def make(*args, **kwargs):
        made.append(Daemon(*args, **kwargs))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


def check_pair(controller, serving, manifests, make_backend):
    assert serving.ask("a.example.com").status == 200
    manifests.write("b.yaml", site("b", "b.example.com", make_backend(name="b")))
    serving.wait_answer("b.example.com", "/", 200)
    manifests.write_text("broken.yaml", "kind: [Ingress")
    for daemon in (controller, serving):
        eventually(lambda daemon=daemon: [p["source"] for p in daemon.problems()] == ["broken.yaml"], "the problem")
        assert fetch(daemon.admin, "/readyz").status == 200
        assert "proxyd_config_problems" in fetch(daemon.admin, "/metrics").text
    controller.signal(signal.SIGTERM)
    assert controller.wait_exit() == 0
    eventually(lambda: not serving.page("/readyz")["controller"]["connected"], "the controller to be missing")
    assert serving.ask("b.example.com").status == 200
    assert fetch(serving.admin, "/readyz").status == 200


def test_serve_and_controller_over_a_unix_socket(start_pair, link_folder, manifests, make_backend):
    pair = start_pair(["--listen", f"unix:{link_folder}/link"], ["--from", "{link}", "--allow-local-backends"])
    check_pair(*pair, manifests, make_backend)


def test_serve_and_controller_over_tcp_prove_who_they_are(start_pair, tmp_path, manifests, make_backend):
    folder = tmp_path / "authority"
    folder.mkdir()
    authority = Authority(folder)

    def files(name):
        made = authority.make(name)
        (folder / f"{name}-chain.pem").write_text(made.chain, encoding="ascii")
        (folder / f"{name}-key.pem").write_text(made.key, encoding="ascii")
        return ["--link-cert", str(folder / f"{name}-chain.pem"), "--link-key", str(folder / f"{name}-key.pem"),
                "--link-ca", authority.root_file]

    pair = start_pair(["--listen", "127.0.0.1:0", *files("controller.test"), "--link-peers", "data.test"],
                      ["--from", "{link}", "--allow-local-backends", *files("data.test"), "--link-peers", "controller.test"])
    check_pair(*pair, manifests, make_backend)


@pytest.mark.parametrize("args", [
    ["serve"], ["serve", "--from", "127.0.0.1:1"], ["serve", "--from", "unix:/x", "--link-cert", "y"],
    ["serve", "--from", "unix:/x", "--http", "127.0.0.1:1"], ["controller", "--listen", "unix:/x"],
    ["controller", "--manifests", "x", "--http", "127.0.0.1:1"],
    ["run", "--config", "x", "--sandbox=false", "--user", "daemon"],
])
def test_usage(args):
    result = run(*args)
    assert result.returncode == 2
    assert "Usage: proxyd" in result.stderr
