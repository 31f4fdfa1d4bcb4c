"""proxyd as a child process: started on free ports, observed through its own log and pages, always ended."""

import json
import os
import re
import signal
import subprocess
import threading

from .http_client import RawClient, fetch
from .processes import wait_child
from .waiting import PATIENCE_S, eventually


def binary(name="proxyd"):
    """PROXYD_BIN names the daemon, INGRESS_BIN_DIR the folder of all programs; else the release build."""
    if name == "proxyd" and "PROXYD_BIN" in os.environ:
        return os.environ["PROXYD_BIN"]
    here = os.path.dirname(os.path.abspath(__file__))
    folder = os.environ.get("INGRESS_BIN_DIR", os.path.join(here, "../../../build/release/bin"))
    return os.path.join(folder, name)


def clean_environment(**extra):
    """Ours without any PROXYD_... variable, and with what ThreadSanitizer must be told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PROXYD_")}
    suppressions = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tsan.supp")
    kept["TSAN_OPTIONS"] = f"{kept.get('TSAN_OPTIONS', '')} suppressions={suppressions}".strip()
    return {**kept, **extra}


def run(*args, env=None, timeout=60):
    """Runs `proxyd args` to its end; returns the CompletedProcess with texts."""
    return subprocess.run([binary(), *args], capture_output=True, text=True, timeout=timeout, check=False,
                          env=clean_environment(**(env or {})))


class Daemon:
    """`args` go after `proxyd <command>`; what they leave open gets a free port or a place in `scratch`."""

    def __init__(self, args, scratch, env=None, admin=True, command="run", access_log=True):
        args = list(args)
        self.log_path = os.path.join(str(scratch), "access.log")
        if admin and "--admin" not in args:
            args += ["--admin", "127.0.0.1:0"]
        if access_log and "--access-log" not in args:
            args += ["--access-log", self.log_path]
        if env and not {"CARES_HOSTS", "SSL_CERT_FILE"}.isdisjoint(env):
            args += ["--user", "root"]  # the serving process reads these, in folders that their owner alone enters
        self.lines = []
        self.was_killed = False
        self.changed = threading.Condition()
        self.process = subprocess.Popen([binary(), command, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=clean_environment(**(env or {})))
        self.reader = threading.Thread(target=self._read_lines, daemon=True)
        self.reader.start()

    def _read_lines(self):
        for line in self.process.stderr:
            with self.changed:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)  # the end
            self.changed.notify_all()

    def stderr_text(self):
        with self.changed:
            return "\n".join(line for line in self.lines if line is not None)

    def wait_line(self, pattern):
        """The match of the first line of stderr, past or future, that contains `pattern`."""
        def find():
            matches = (re.search(pattern, line) for line in self.lines if line is not None)
            return next((match for match in matches if match), None)

        with self.changed:
            self.changed.wait_for(lambda: find() or None in self.lines, PATIENCE_S)
            match = find()
        assert match, f"no line with {pattern!r} in:\n{self.stderr_text()}"
        return match

    def address(self, listener="http-0"):
        return self.wait_line(re.escape(listener) + r" listens on (\S+)").group(1)

    @property
    def http(self):
        return self.address("http-0")

    @property
    def admin(self):
        return self.address("admin")

    def page(self, target, listener="admin"):
        """A JSON page of the admin address."""
        response = fetch(self.address(listener), target)
        return json.loads(response.body)

    def problems(self):
        return self.page("/problems")["problems"]

    def metric(self, name):
        """The value of the sample written exactly so, labels included; None when absent."""
        match = re.search("^" + re.escape(name) + r" (\S+)$", fetch(self.admin, "/metrics").text, re.MULTILINE)
        return float(match.group(1)) if match else None

    def wait_metric(self, name, value):
        """For what is counted behind the event that the test has seen."""
        eventually(lambda: self.metric(name) == value, f"{name} to be {value}")

    def wait_ready(self):
        eventually(lambda: fetch(self.admin, "/readyz").status == 200, "/readyz to say 200")
        return self

    def wait_adopted(self, generation):
        """Waits until every worker serves at least `generation`."""
        def is_adopted():
            page = self.page("/generation")
            return page["published"] >= generation and all(w["adopted"] >= generation for w in page["workers"])

        eventually(is_adopted, f"generation {generation}")

    def ask(self, host="example.com", target="/", **kwargs):
        return fetch(self.http, target, host=host, **kwargs)

    def connect(self, listener="http-0"):
        return RawClient(self.address(listener))

    def wait_answer(self, host, target, status, text=""):
        """Asks until the answer has this status and contains `text`."""
        def is_so():
            response = self.ask(host, target)
            return response if response.status == status and text in response.text else None

        return eventually(is_so, f"{status} {text!r} for {host}{target}")

    def log_entries(self, file=None):
        """The whole lines of the access log so far."""
        try:
            with open(file or self.log_path, encoding="utf-8") as stream:
                lines = stream.read().split("\n")[:-1]
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines]

    def wait_log(self, **fields):
        """The first entry that has all these fields, now or soon."""
        def find():
            entries = self.log_entries()
            return next((e for e in entries if all(e.get(k) == v for k, v in fields.items())), None)

        return eventually(find, f"a line of the access log with {fields}")

    @property
    def serving(self):
        """The process that meets clients."""
        return wait_child(self.process.pid, "proxyd-serving")

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self):
        """The exit code, once the process has ended."""
        code = self.process.wait(PATIENCE_S)
        self.reader.join(PATIENCE_S)
        return code

    def kill(self):
        """Ends the process without a word to it."""
        self.was_killed = True
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self):
        """Ends the process if it still runs; fails when it had crashed or a sanitizer complained."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        self.reader.join(PATIENCE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        text = self.stderr_text()
        assert self.was_killed or self.process.returncode >= 0, f"ended by signal {-self.process.returncode}:\n{text}"
        for word in ("ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer", "ERROR: LeakSanitizer"):
            assert word not in text, text


def stop_all(daemons):
    """Stops each, whatever the others say."""
    complaints = []
    for daemon in daemons:
        try:
            daemon.stop()
        except AssertionError as complaint:
            complaints.append(str(complaint))
    assert not complaints, "\n".join(complaints)
