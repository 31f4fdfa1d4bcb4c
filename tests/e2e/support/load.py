"""Load on a listener: checked connections in this process, and wrk for numbers."""

import re
import shutil
import signal
import socket
import subprocess
import threading
import time

from .http_client import to_address


class CheckedLoad:
    """Keep-alive connections that send one request after the other and check each answer.

    Every answer must start with the status line of 200 and carry a Content-Length, and `is_good(body)` must
    hold. A connection that the server announces to close is opened anew; every other end is a failure.
    Use as a context manager; then read `num_ok`, `failures` and `rate()`.
    """

    def __init__(self, address, host, target="/", connections=8, is_good=lambda body: True):
        self.family, self.peer = to_address(address)
        self.is_good = is_good
        self.request = f"GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.stopping = threading.Event()
        self.counts = [0] * connections
        self.failures = []
        self.started = self.ended = 0.0
        self.threads = [threading.Thread(target=self._run, args=(i,), daemon=True) for i in range(connections)]

    def __enter__(self):
        self.started = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
        self.ended = time.monotonic()

    @property
    def num_ok(self):
        return sum(self.counts)

    def rate(self):
        """Requests per second of the whole run."""
        return self.num_ok / max((self.ended or time.monotonic()) - self.started, 1e-9)

    def _connect(self):
        sock = socket.socket(self.family, socket.SOCK_STREAM)
        sock.settimeout(30)
        sock.connect(self.peer)
        if self.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _run(self, index):
        try:
            sock = self._connect()
            while not self.stopping.is_set():
                if self._exchange(sock, index):
                    sock.close()
                    sock = self._connect()
            sock.close()
        except Exception as error:  # noqa: every kind of end is what is counted here
            self.failures.append(repr(error))

    def _exchange(self, sock, index):
        """Returns whether the connection is over, in order."""
        sock.sendall(self.request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            piece = sock.recv(65536)
            assert piece, f"closed within a head: {data!r}"
            data += piece
        head, body = data[:end].lower(), data[end + 4:]
        assert head.startswith(b"http/1.1 200"), data
        start = head.index(b"\r\ncontent-length:") + len(b"\r\ncontent-length:")
        size = int(head[start:].split(b"\r\n", 1)[0])
        while len(body) < size:
            piece = sock.recv(65536)
            assert piece, "closed within a body"
            body += piece
        assert len(body) == size and self.is_good(body), body
        self.counts[index] += 1
        return b"\r\nconnection: close" in head


class Wrk:
    """One run of wrk in the background, of at most so many seconds; result() waits for its end."""

    def __init__(self, address, host, target="/", seconds=2, connections=64, threads=1):
        program = shutil.which("wrk")
        assert program, "wrk is missing: ./dev setup test"
        self.process = subprocess.Popen(
            [program, f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-H", f"Host: {host}",
             f"http://{address}{target}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """Ends the run now; what came so far counts."""
        self.process.send_signal(signal.SIGINT)

    def result(self):
        """{"requests", "rate", "num_bad_status", "num_socket_errors"}"""
        text, _ = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, text
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
        return {"requests": int(re.search(r"(\d+) requests in", text).group(1)),
                "rate": float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1)),
                "num_bad_status": int(bad.group(1)) if bad else 0,
                "num_socket_errors": sum(map(int, errors.groups())) if errors else 0}
