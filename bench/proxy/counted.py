"""User instructions (callgrind) and system calls (strace) per request: the difference of a short and a long run.

Both slow the proxy down by far, so these runs say nothing of time; but the counts move by less than 1 % from run to
run, on any machine. Instructions are those of user space only: callgrind does not see the kernel.
"""

import collections
import pathlib
import re

import load
from figures import per_request
from peers import Contestant
from processes import BenchError, Scratch
from rows import Row

PATIENCE_S = 120
# Waiting is no data: how often it happens depends on how many events come at once.
WAITING = ("epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "select", "pselect6")


def parse_callgrind(text: str) -> int:
    """Instructions, from a file that callgrind wrote of one process."""
    found = re.search(r"^(?:summary|totals):\s*(\d+)", text, re.MULTILINE)
    if not found:
        raise BenchError(f"callgrind counted nothing:\n{text[-1000:]}")
    return int(found[1])


def busiest(folder: pathlib.Path) -> tuple[int, pathlib.Path]:
    """Of the files that the processes of one run left, that of the one which served: instructions, and its path."""
    counts = [(parse_callgrind(file.read_text()), file) for file in folder.iterdir()]
    if not counts:
        raise BenchError("callgrind left no file")
    return max(counts)


def parse_strace(text: str) -> dict[str, int]:
    """Calls by name, from the table of `strace -c`."""
    calls = {}
    for line in text.split("\n"):
        # % time, seconds, usecs/call, calls, [errors,] syscall
        fields = line.split()
        if len(fields) >= 5 and re.fullmatch(r"[\d.]+", fields[0]) and fields[3].isdigit() and fields[-1] != "total":
            calls[fields[-1]] = int(fields[3])
    if not calls:
        raise BenchError(f"strace counted nothing:\n{text[-1000:]}")
    return calls


def run_traced(scratch: Scratch, contestant: Contestant, row: Row, core: int, requests: int) -> None:
    """The proxy from its start to its end, with `requests` in between; what it was traced for is in files then."""
    proxy = contestant.start(scratch)
    load.run(contestant.site, core, proxy, list(row.load), PATIENCE_S, requests)
    scratch.stop(proxy.started)


def profile(scratch: Scratch, contestant: Contestant, row: Row, core: int) -> list[tuple[int, pathlib.Path, int]]:
    """Of the short and the long run: requests, callgrind's file, instructions."""
    runs = []
    for requests in row.counted:
        out = scratch.path("callgrind")
        out.mkdir()
        traced = contestant.traced(("valgrind", "--tool=callgrind", "--trace-children=yes",
                                    f"--callgrind-out-file={out}/%p"), False)
        run_traced(scratch, traced, row, core, requests)
        count, file = busiest(out)
        runs.append((requests, file, count))
    return runs


def count_instructions(scratch: Scratch, contestant: Contestant, row: Row, core: int) -> float:
    short, long = ((requests, count) for requests, _, count in profile(scratch, contestant, row, core))
    return per_request(short, long)


def count_calls(scratch: Scratch, contestant: Contestant, row: Row, core: int) -> dict[str, float]:
    """Calls per request by name; those that are not made for requests are left out."""
    counts = []
    for requests in row.counted:
        out = scratch.path("strace.out")
        run_traced(scratch, contestant.traced(("strace", "-c", "-f", "-o", str(out)), True), row, core, requests)
        counts.append((requests, collections.Counter(parse_strace(out.read_text()))))
    (short, few), (long, many) = counts
    rates = {name: per_request((short, few[name]), (long, many[name])) for name in few | many}
    return {name: rate for name, rate in sorted(rates.items(), key=lambda item: -item[1]) if rate >= 0.005}


def sum_calls(calls: dict[str, float]) -> dict[str, float]:
    return {"data": sum(rate for name, rate in calls.items() if name not in WAITING), "all": sum(calls.values())}
