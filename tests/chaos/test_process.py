"""Faults of the daemon's own surroundings: no descriptors left, stopped by a signal, clients that leave anywhere."""

import os
import random
import resource
import signal
import socket
import struct
import threading
import time

import pytest
from support.backend import ok
from support.config_file import single, write_config
from support.http_client import ConnectionEnded, RawClient, request_bytes
from support.waiting import eventually
from users import Users

NUM_FILES = 96


def serve_it(conversation):
    conversation.send(ok(f"served {conversation.request.target}\n"))


def proxy_of(start, tmp_path, backend, *args, **listener):
    file = write_config(tmp_path / "config", single(backend, **listener))
    return start("--config", file, "--workers", "1", *args).wait_ready()


def is_served(proxy):
    try:
        return proxy.ask(target="/later").text == "served /later\n"
    except (ConnectionEnded, OSError):
        return False  # there was no descriptor yet


def test_without_descriptors_those_who_are_there_go_on(start, tmp_path, make_backend, record):
    # As ourselves: limits of another user's process are not ours to set.
    proxy = proxy_of(start, tmp_path, make_backend(serve_it), "--user", "root")
    resource.prlimit(proxy.serving.pid, resource.RLIMIT_NOFILE, (NUM_FILES, NUM_FILES))
    with Users(proxy.http, count=4) as users:
        users.wait_more(50)
        # More than there are descriptors for: some wait in the kernel's queue.
        crowd = [RawClient(proxy.http) for _ in range(2 * NUM_FILES)]
        for client in crowd:
            client.send(request_bytes(target="/crowd"))
        users.wait_more(500)
        for client in crowd:
            client.close()
        # Accepting goes on as soon as there is room.
        eventually(lambda: is_served(proxy), "a new client to be served")
        users.wait_more(50)
    outcomes = users.settle()
    assert set(outcomes) == {200}, outcomes
    record(f"no file descriptors left ({NUM_FILES}, {2 * NUM_FILES} clients more)", outcomes[200],
           "nothing for who is connected; new clients wait, and are served when there is room")


@pytest.mark.parametrize("limits", [{}, {"response_head_ms": 300, "response_body_idle_ms": 300}],
                         ids=["default limits", "limits shorter than the stop"])
def test_a_stopped_process_goes_on_where_it_was(start, tmp_path, make_backend, record, seconds, limits):
    file = write_config(tmp_path / "config", single(make_backend(serve_it), {"timeouts": limits} if limits else None))
    proxy = start("--config", file, "--workers", "2").wait_ready()
    with Users(proxy.http) as users:
        for _ in range(3):
            users.wait_more(100)
            proxy.signal(signal.SIGSTOP)
            threading.Event().wait(max(seconds / 2, 0.5))  # this is the fault
            proxy.signal(signal.SIGCONT)
        users.wait_more(100)
    outcomes = users.settle()
    assert set(outcomes) == {200}, outcomes
    record("stopped and continued (SIGSTOP, SIGCONT), " + ("short limits" if limits else "default limits"),
           outcomes[200], "nothing but the wait")


def resident_kb(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def leave_somewhere(address, chance):
    """One client that sends some of a request, perhaps reads some of the answer, and goes."""
    body = b"x" * chance.randrange(1, 3000)
    data = request_bytes("POST", f"/leaver/{chance.random()}", body=body)
    try:
        client = RawClient(address)
        client.send(data[:chance.randrange(len(data) + 1)])
        if chance.random() < 0.5:
            client.sock.settimeout(0.005)
            try:
                client.sock.recv(chance.randrange(1, 200))
            except TimeoutError:
                pass
        if chance.random() < 0.5:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
    except (BrokenPipeError, ConnectionResetError):
        pass


def test_clients_leave_at_random_bytes_and_leave_nothing(start, tmp_path, make_backend, record, seconds):
    proxy = proxy_of(start, tmp_path, make_backend(serve_it), "--access-log", "off")
    chance = random.Random(1)
    num_left = 0

    def leave_many(count):
        nonlocal num_left
        for _ in range(count):
            leave_somewhere(proxy.http, chance)
            num_left += 1
        eventually(lambda: proxy.metric("proxyd_connections_open") == 0, "all connections to be gone")

    with Users(proxy.http, count=2) as users:
        users.wait_more(200)
    leave_many(300)  # what stays allocated for reuse is there now
    before_kb = resident_kb(proxy.serving.pid)
    with Users(proxy.http, count=2) as users:
        end = time.monotonic() + 5 * seconds
        while time.monotonic() < end:
            for _ in range(50):
                leave_somewhere(proxy.http, chance)
                num_left += 1
    outcomes = users.settle()
    assert set(outcomes) == {200}, outcomes
    leave_many(1)
    grown_kb = resident_kb(proxy.serving.pid) - before_kb
    if not os.environ.get("INGRESS_SANITIZE"):  # a sanitizer keeps what was freed
        assert grown_kb < 1024, f"{num_left} clients left {grown_kb} KB behind"
    eventually(lambda: proxy.metric("proxyd_requests_active") == 0, "no request to be under way")
    record(f"{num_left} clients leave at random bytes", outcomes[200],
           f"nothing for the others; memory {grown_kb:+} KB")
