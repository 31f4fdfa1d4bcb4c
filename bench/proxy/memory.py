"""User memory of an idle connection: how the proxy's resident memory grows with them, one request served on each.

The kernel's share, about 5 KB for each end of a socket, is the same for everyone and not counted.
"""

import dataclasses
import pathlib
import subprocess
import time

import load
from peers import Contestant, Proxy, Site
from processes import BenchError, Scratch

FEW, MORE = 1000, 7000
SLOTS = (4096, 16384)


def read_pss(pid: int) -> int:
    """Bytes of memory of a process; pages that it shares count in part."""
    return parse_pss(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())


def parse_pss(text: str) -> int:
    for line in text.split("\n"):
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise BenchError("no Pss in smaps_rollup")


def settled_pss(pid: int) -> int:
    """The same once it stays: allocators give memory back a little later. Waits 5 seconds at most."""
    seen = [read_pss(pid)]
    for _ in range(10):
        time.sleep(0.5)
        seen.append(read_pss(pid))
        if len(seen) > 2 and abs(seen[-1] - seen[-3]) < 16384:
            break
    return seen[-1]


def hold(site: Site, core: int, proxy: Proxy, connections: int, more: tuple[str, ...] = ()) -> subprocess.Popen:
    """Connections that have served a request each and stay, until the process gets the end of its stdin."""
    command = load.command(site, core, proxy, ["--path", "/1k", "--idle", "--connections", str(connections), *more])
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if not process.stdout.readline():
        error = process.communicate()[1]
        raise BenchError(f"no {connections} connections to {proxy.name}: {error}{proxy.started.error_text()[-1000:]}")
    return process


def measure_one(scratch: Scratch, contestant: Contestant, core: int, options: tuple[str, ...]) -> dict:
    proxy = contestant.start(scratch)
    holding = []
    try:
        before = settled_pss(proxy.started.serving_pid)
        sizes = []
        for connections in (FEW, MORE):
            holding.append(hold(contestant.site, core, proxy, connections, options))
            sizes.append(settled_pss(proxy.started.serving_pid))
    finally:
        for process in holding:
            process.communicate()
        scratch.stop(proxy.started)
    return {"start_bytes": before, "growth_bytes": (sizes[1] - sizes[0]) / MORE}


def slot_bytes(scratch: Scratch, contestant: Contestant) -> float:
    """What is taken at the start for each connection that may come."""
    sizes = []
    for slots in SLOTS:
        site = dataclasses.replace(contestant.site, max_connections=slots)
        proxy = dataclasses.replace(contestant, site=site).start(scratch)
        sizes.append(settled_pss(proxy.started.serving_pid))
        scratch.stop(proxy.started)
    return (sizes[1] - sizes[0]) / (SLOTS[1] - SLOTS[0])


def measure(scratch: Scratch, contestants: list[Contestant], core: int, options: tuple[str, ...] = ()) -> dict:
    """`options`: of the load, beside those that this needs."""
    peers = {}
    for contestant in contestants:
        entry = measure_one(scratch, contestant, core, options)
        entry["slot_bytes"] = slot_bytes(scratch, contestant) if contestant.peer.has_slots else 0.0
        entry["connection_bytes"] = entry["growth_bytes"] + entry["slot_bytes"]
        peers[contestant.name] = entry
    return {"peers": peers}
