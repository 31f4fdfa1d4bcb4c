"""What the tests of floods share: frames in numbers, memory at its peak, and somebody else who must not notice."""

import os
from contextlib import contextmanager

from support.resources import user_bytes
from wire.client import ConnectionOver
from wire.frames import Code

MB = 1 << 20
# Offences that a connection may commit before it is ended; and what an honest client may do of each at once.
MOST, HONEST = 2_000, 100
BATCH = 50
ENDED_BY = (Code.ENHANCE_YOUR_CALM,)


def count_until_ended(client, make, most=MOST, batch=BATCH):
    """Sends make(0), make(1), … and waits after each batch until it has been acted on; how many it took. Fails when
    the peer takes them all."""
    for at in range(0, most, batch):
        client.send(b"".join(make(i) for i in range(at, at + batch)))
        try:
            client.sync()
        except ConnectionOver:
            pass
        if client.goaway or client.is_over:
            return at + batch
    raise AssertionError(f"took {most} of them; {client.story()}")


def check_ended(client, codes=ENDED_BY):
    """GOAWAY with one of `codes`, and the end of the connection."""
    client.wait_over()
    assert client.goaway and client.goaway[1] in codes, client.story()


def send_unread(client, data, most):
    """Sends `data` over and over, up to `most` bytes, and reads nothing; returns when the peer takes no more."""
    sock = getattr(client.link.sock, "raw", client.link.sock)
    sock.settimeout(2.0)  # for as long it has taken nothing: it has stopped reading
    sent = 0
    try:
        while sent < most:
            client.link.send(data)
            sent += len(data)
    except (TimeoutError, BrokenPipeError, ConnectionResetError):
        pass
    sock.settimeout(30.0)
    return sent


def peak_bytes(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


@contextmanager
def bounded_memory(daemon, most):
    """At no time within does the daemon have `most` more memory than before, nor afterwards."""
    if os.environ.get("INGRESS_SANITIZE"):
        yield  # the allocator of a sanitizer keeps what is freed
        return
    process = daemon.serving
    with open(f"/proc/{process.pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # the peak starts anew (proc(5))
    peak, mine = peak_bytes(process), user_bytes(process)
    yield
    assert peak_bytes(process) - peak < most, f"{(peak_bytes(process) - peak) / MB:.1f} MB more at the peak"
    assert user_bytes(process) - mine < most, f"{(user_bytes(process) - mine) / MB:.1f} MB more afterwards"
