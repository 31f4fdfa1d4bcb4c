"""What requests notice of changes of the configuration: proxyd with a thousand a second, the peers with one reload.

The library is driven by bench/proxy/storm.cc, which links what proxyd is made of and applies changes of one route each.
nginx and HAProxy get a new configuration and the signal to load it, once a second, which is all that they offer;
tables of 100,000 hosts are out of their reach (seconds, and gigabytes), so they have 1,000 and 10,000.
"""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import time
from typing import Iterator

import load
import memory
from load import Sample
from peers import OURS, Contestant, Proxy, Site
from processes import BenchError, Scratch, Started, await_listening, await_rest, children, free_port

RATE = 2000
CHANGES_PER_SECOND = 1000
OUR_ROUTES = 100_000
PEER_ROUTES = (1000, 10_000)
SETTLE_CHANGES = 2000
RELOAD_SIGNALS = {"nginx": signal.SIGHUP, "haproxy": signal.SIGUSR2}


def load_options(num_hosts: int) -> list[str]:
    return ["--path", "/1k", "--rate", str(RATE), "--hosts", str(num_hosts)]


def tree_pss(pid: int) -> int:
    """Memory of a process and those below it; one that is just ending counts nothing."""
    total = 0
    for member in (pid, *children(pid)):
        with contextlib.suppress(OSError, BenchError):
            total += memory.read_pss(member)
    return total


def compare(quiet: Sample, storm: Sample, before: int, after: int) -> dict:
    wrong = storm.errors
    return {"p50_us": [quiet.p50_us, storm.p50_us], "p99_us": [quiet.p99_us, storm.p99_us],
            "p999_us": [quiet.p999_us, storm.p999_us], "cut_or_wrong": wrong, "pss_bytes": [before, after]}


def ask(started: Started, line: str) -> dict:
    started.process.stdin.write(line + "\n")
    started.process.stdin.flush()
    return read_line(started)


def read_line(started: Started) -> dict:
    line = started.process.stdout.readline()
    if not line:
        raise BenchError(f"storm ended: {started.error_text()[-1000:]}")
    return json.loads(line)


@contextlib.contextmanager
def running_load(site: Site, core: int, proxy: Proxy, options: list[str], seconds: float) -> Iterator[list[Sample]]:
    """The load beside the body of the `with`; its sample is in the list afterwards."""
    process = subprocess.Popen(load.command(site, core, proxy, [*options, "--seconds", str(seconds)]),
                               stdout=subprocess.PIPE, text=True)
    samples: list[Sample] = []
    try:
        yield samples
        output = process.communicate(timeout=seconds + 60)[0]
    except BaseException:
        process.kill()
        process.wait()
        raise
    if not output:
        raise BenchError(f"the load against {proxy.name} ended early")
    samples.append(load.parse(output))


def measure_ours(scratch: Scratch, site: Site, core: int, seconds: float) -> dict:
    port = free_port()
    command = [str(site.programs / "storm"), f"127.0.0.1:{port}", f"127.0.0.1:{site.backend_port}", str(OUR_ROUTES)]
    started = scratch.start(command, site.core, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        await_listening(started, port, "storm")
        start = read_line(started)
        proxy = Proxy("storm", port, started)
        options = load_options(OUR_ROUTES)
        ask(started, f"cost {SETTLE_CHANGES}")
        await_rest(started)
        quiet = load.run(site, core, proxy, options, seconds)
        before = memory.settled_pss(started.serving_pid)
        with running_load(site, core, proxy, options, seconds) as samples:
            changes = ask(started, f"storm {CHANGES_PER_SECOND} {seconds}")
        after = memory.settled_pss(started.serving_pid)
        cost = ask(started, f"cost {SETTLE_CHANGES}")
    finally:
        scratch.stop(started)
    return {**compare(quiet, samples[0], before, after), "routes": OUR_ROUTES, "start": start, "changes": changes,
            "cost": cost}


def measure_peer(scratch: Scratch, contestant: Contestant, core: int, seconds: float) -> dict:
    """A reload each second. The configuration is the same one again: what it costs does not depend on that."""
    site = contestant.site
    options = load_options(site.num_hosts)
    proxy = contestant.start(scratch)
    try:
        await_rest(proxy.started)
        quiet = load.run(site, core, proxy, options, seconds)
        before = tree_pss(proxy.started.pid)
        reloads = 0
        with running_load(site, core, proxy, options, seconds) as samples:
            end = time.monotonic() + seconds
            while time.monotonic() + 1 < end:
                os.kill(proxy.started.pid, RELOAD_SIGNALS[contestant.peer.name])
                reloads += 1
                time.sleep(1)
        after = tree_pss(proxy.started.pid)
    finally:
        scratch.stop(proxy.started)
    return {**compare(quiet, samples[0], before, after), "routes": site.num_hosts, "reloads": reloads}


def measure(scratch: Scratch, contestants: list[Contestant], core: int, seconds: float) -> dict:
    entries = {}
    for contestant in contestants:
        if contestant.peer.name in RELOAD_SIGNALS:
            for routes in PEER_ROUTES:
                site = dataclasses.replace(contestant.site, num_hosts=routes, has_master=True)
                entries[f"{contestant.name}, {routes:,} hosts"] = measure_peer(
                    scratch, dataclasses.replace(contestant, site=site), core, seconds)
        elif contestant.name == OURS:
            entries[f"libingress, {OUR_ROUTES:,} hosts"] = measure_ours(scratch, contestant.site, core, seconds)
    return {"peers": entries}
