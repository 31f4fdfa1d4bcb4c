"""Instructions of user and kernel by the machine's own counters, where it has any: most virtual machines have none.

They show what callgrind cannot, the kernel's share; and they count while everything runs at full speed.
"""

import subprocess
from typing import Optional

import load
from peers import Contestant
from processes import BenchError, Scratch, find_program
from rows import Row

EVENTS = ("instructions:u", "instructions:k")
REQUESTS_FACTOR = 5  # times the long run of the other counts, so that connecting weighs nothing
PATIENCE_S = 60


def parse(text: str) -> Optional[dict[str, int]]:
    """Counts by event, from `perf stat -x,`; None where one is not supported."""
    counts = {}
    for line in text.split("\n"):
        fields = line.split(",")
        if len(fields) > 2 and fields[2] in EVENTS:
            if not fields[0].isdigit():
                return None
            counts[fields[2]] = int(fields[0])
    return counts if len(counts) == len(EVENTS) else None


def perf(*arguments: str) -> list[str]:
    return [find_program("perf"), "stat", "-x,", "-e", ",".join(EVENTS), *arguments]


def are_there() -> bool:
    if not find_program("perf"):
        return False
    return parse(subprocess.run(perf("true"), capture_output=True, text=True, check=False).stderr) is not None


def count(scratch: Scratch, contestant: Contestant, row: Row, core: int) -> dict[str, float]:
    """Per request."""
    out = scratch.path("perf")
    requests = row.counted[1] * REQUESTS_FACTOR
    proxy = contestant.start(scratch)
    command = load.command(contestant.site, core, proxy,
                           [*row.load, "--seconds", str(PATIENCE_S), "--requests", str(requests)])
    result = subprocess.run(perf("-p", str(proxy.started.serving_pid), "-o", str(out), "--", *command), capture_output=True,
                            text=True, check=False)
    scratch.stop(proxy.started)
    counts = parse(out.read_text()) if out.exists() else None
    if counts is None or result.returncode != 0:
        raise BenchError(f"perf counted nothing: {result.stdout}{result.stderr}")
    sample = load.parse(result.stdout)
    if sample.errors:
        raise BenchError(f"load against {proxy.name} saw errors, so the count is void: {result.stdout}")
    return {"user": counts[EVENTS[0]] / sample.requests, "kernel": counts[EVENTS[1]] / sample.requests}
