"""What a process costs: memory of its own, descriptors, processor time. And clients in numbers."""

import os
import resource
import socket
import time

from .http_client import request_bytes, to_address

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def user_bytes(process):
    """Resident memory that is the process's own: no file, no kernel buffer."""
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssAnon:"))


def num_descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def cpu_s(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def limit_descriptors(process, count):
    """From now on the process has at most `count`."""
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (count, count))


def allow_descriptors(count):
    """Lets this process have `count`; False where the hard limit is below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
    return True


def open_socket(address, receive_bytes=None):
    family, peer = to_address(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    if receive_bytes:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    sock.settimeout(30)
    sock.connect(peer)
    return sock


def ask_and_keep(sock):
    """One request and its small answer; the connection stays."""
    sock.sendall(request_bytes())
    answer = b""
    while not answer.endswith(b"ok\n"):
        piece = sock.recv(4096)
        assert piece, f"closed after {answer!r}"
        answer += piece
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def wait_steady(value, num_equal=10, pause_s=0.05):
    """Returns `value()` once it has been the same so many times in a row."""
    last, seen = value(), 0
    while seen < num_equal:
        time.sleep(pause_s)
        now = value()
        last, seen = (now, 0) if now != last else (last, seen + 1)
    return last
