"""What a run of the bench starts and leaves behind: nothing. Programs pinned to a core, in one temporary folder."""

import dataclasses
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Optional

START_PATIENCE_S = 60
END_PATIENCE_S = 10
REST_S = 0.2


class BenchError(Exception):
    """The measurement cannot be done; the text says why, for the one who started it."""


def pick_cores() -> tuple[int, int]:
    """The core of the proxies, and that of the backend, the load and this program."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed: one for the proxy, one for backend and load")
    return cores[0], cores[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


SERVING = "proxyd-serving"  # as the kernel names it


def children(pid: int) -> list[int]:
    return [int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclasses.dataclass
class Started:
    """A program that runs; `pid` is what was asked for, even inside a tracer that starts it."""
    process: subprocess.Popen
    errors: pathlib.Path
    has_tracer: bool

    @property
    def pid(self) -> int:
        return children(self.process.pid)[0] if self.has_tracer else self.process.pid

    @property
    def serving_pid(self) -> int:
        """That of the process that clients are connected to: of proxyd the child with that name, else `pid`."""
        for child in children(self.pid):
            if pathlib.Path(f"/proc/{child}/comm").read_text().strip() == SERVING:
                return child
        return self.pid

    def error_text(self) -> str:
        return self.errors.read_text(errors="replace")

    def stop(self) -> None:
        """Asks it to end, waits, and kills it when it does not."""
        if self.process.poll() is None:
            try:
                os.kill(self.pid, 15)
            except (ProcessLookupError, IndexError):
                pass
            try:
                self.process.wait(END_PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream:
                stream.close()


class Scratch:
    """The temporary folder of a run and the programs in it; leaving the context ends and removes them all."""

    def __init__(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-proxy-"))
        self.running: list[Started] = []
        self.count = 0
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __enter__(self) -> "Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        for started in reversed(self.running):
            started.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name: str) -> pathlib.Path:
        """A path that is new in this run."""
        self.count += 1
        return self.folder / f"{self.count}-{name}"

    def write(self, name: str, text: str) -> pathlib.Path:
        path = self.path(name)
        path.write_text(text)
        return path

    def start(self, command: list[str], core: int, tracer: tuple[str, ...] = (), has_child: bool = False,
              **streams: object) -> Started:
        errors = self.path("errors")
        with open(errors, "w", encoding="utf-8") as sink:
            # It also ends when this program is killed before it can tidy up.
            bound = ["setpriv", "--pdeathsig", "TERM", "taskset", "-c", str(core)]
            # A signal that ended us between the two would leave behind what nobody knows.
            mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
            try:
                process = subprocess.Popen([*bound, *tracer, *command], stderr=sink,
                                           preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_SETMASK, mask),
                                           **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, **streams})
                started = Started(process, errors, has_child)
                self.running.append(started)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return started

    def stop(self, started: Started) -> None:
        started.stop()
        self.running.remove(started)


def await_listening(started: Started, port: int, name: str, patience_s: float = START_PATIENCE_S) -> None:
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if started.process.poll() is not None:
            raise BenchError(f"{name} ended at once:\n{started.error_text()[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise BenchError(f"{name} does not listen after {patience_s:.0f} s:\n{started.error_text()[-2000:]}")


def read_cpu_s(pid: int) -> float:
    """User and kernel time of all threads of a process, by its CPU clock (see clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


def await_rest(started: Started, patience_s: float = 20) -> None:
    """Waits until it does nothing of its own any more: a large configuration is tidied up after it is served."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        before = read_cpu_s(started.serving_pid)
        time.sleep(REST_S)
        if read_cpu_s(started.serving_pid) - before < REST_S / 100:
            return


def find_program(name: str) -> Optional[str]:
    """Where an installed program is; daemons are in a folder that not every PATH has."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
