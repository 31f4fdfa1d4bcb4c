#!/usr/bin/env python3
"""Compares proxyd with nginx, HAProxy and a bare forwarder: CPU, instructions and system calls per request.

Everything runs on loopback: the proxy under test on the first core, backend and load on the second. docs/performance.md
tells what each figure means. Called by `./dev bench proxy`, which builds the programs first.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import signal
import sys
from typing import Optional

import backends
import breakdown
import counted
import counters
import load
import machine
import memory
import peers
import plot
import report
import storm
import timed
from peers import Contestant
from processes import BenchError, Scratch, await_listening, find_program, free_port, pick_cores
from rows import ROWS, Row

COLUMNS = ("time", "instructions", "calls", "perf")
TRACERS = {"instructions": "valgrind", "calls": "strace"}


def named_program(text: str) -> tuple[str, pathlib.Path]:
    name, _, path = text.partition("=")
    if not name or name in peers.PEERS or not os.access(path, os.X_OK):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PROXYD with a new name and a program")
    return name, pathlib.Path(path).resolve()


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    parser = argparse.ArgumentParser(prog="./dev bench proxy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="how often each peer has its turn [20]")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a turn [0.5]")
    parser.add_argument("--storm-seconds", type=float, default=8, help="length of each half of the row storm [8]")
    parser.add_argument("--rows", type=names, default=list(ROWS), help=f"of {','.join(ROWS)} [all]")
    parser.add_argument("--peers", type=names, default=list(peers.PEERS), help=f"of {','.join(peers.PEERS)} [all]")
    parser.add_argument("--also", type=named_program, action="append", default=[], metavar="NAME=PROXYD",
                        help="another build of proxyd as one more peer, for instance before=/tmp/old/proxyd")
    parser.add_argument("--columns", type=names, default=list(COLUMNS), help=f"of {','.join(COLUMNS)} [all]")
    parser.add_argument("--breakdown", action="store_true",
                        help="only tell which parts of proxyd the instructions of the rows are spent in")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE", help="draw the timed rows there, as PNG")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="append the tables there as well")
    parser.add_argument("--build", type=pathlib.Path, default=machine.ROOT / "build/release", metavar="DIR",
                        help="build folder that has the programs [build/release]")
    options = parser.parse_args(arguments)
    for chosen, known in ((options.rows, ROWS), (options.columns, COLUMNS)):
        unknown = [name for name in chosen if name not in known]
        if unknown:
            parser.error(f"what is {unknown[0]}? there are: {', '.join(known)}")
    if options.rounds < 1 or not 0 < options.seconds <= 60:
        parser.error("--rounds is at least 1, --seconds at most 60")
    if options.plot and ("time" not in options.columns or plot.YARDSTICK not in options.peers or options.breakdown):
        parser.error(f"--plot needs the times of {plot.YARDSTICK}")
    return options


def usable_columns(wanted: list[str]) -> list[str]:
    usable = []
    for column in wanted:
        tracer = TRACERS.get(column)
        if column == "perf" and not counters.are_there():
            print("bench: no column perf: no perf here, or no counters in this machine", file=sys.stderr)
        elif tracer is None or find_program(tracer):
            usable.append(column)
        else:
            print(f"bench: no column {column}: {tracer} is not installed: ./dev setup bench", file=sys.stderr)
    return usable


def line_up(scratch: Scratch, site: peers.Site, chosen: list[peers.Peer], row: Row) -> tuple[list[Contestant], str]:
    """Who takes part in a row, and which of them the others are compared with."""
    ours = peers.PEERS[peers.OURS]
    if row.has_tls or row.backend != "own":
        chosen = [peer for peer in chosen if peer.has_tls]
    if not row.has_http2 or row.backend != "own":
        chosen = [peer for peer in chosen if not peer.is_for_http2]
    if row.kind == "routes":
        many = dataclasses.replace(site, num_hosts=storm.OUR_ROUTES)
        return [Contestant("1 route", ours, site), Contestant(f"{storm.OUR_ROUTES:,} routes", ours, many)], \
            f"{storm.OUR_ROUTES:,} routes"
    if row.kind == "memory":  # buffers of another size are nothing that an idle connection has
        chosen = [peer for peer in chosen if not peer.name.endswith("-tuned")]
    if row.kind == "log":
        options = ("--access-log", str(scratch.path("access.log")), "--admin", f"unix:{scratch.path('admin')}")
        logged = dataclasses.replace(site, options=options)
        return [Contestant("no log", ours, site), Contestant("log", ours, logged)], "log"
    others = [Contestant(name, ours, dataclasses.replace(site, proxyd=program)) for name, program in site.also]
    return [*(Contestant(peer.name, peer, site) for peer in chosen), *others], ours.name


def can_shake_hands(scratch: Scratch, contestant: Contestant, row: Row, core: int) -> bool:
    """Whether it knows what the row asks for: not every library has the newest groups."""
    try:
        proxy = contestant.start(scratch)
    except BenchError:
        return False
    try:
        return not load.run(contestant.site, core, proxy, list(row.load), 5, 1, may_fail=True).errors
    finally:
        scratch.stop(proxy.started)


def count(scratch: Scratch, contestants: list[Contestant], row: Row, columns: list[str], core: int, result: dict) -> None:
    """Adds what is counted, not timed, to the result."""
    for contestant in contestants:
        entry = result["peers"].setdefault(contestant.name, {})
        if "instructions" in columns:
            entry["instructions"] = counted.count_instructions(scratch, contestant, row, core)
        if "calls" in columns:
            entry["calls_by_name"] = counted.count_calls(scratch, contestant, row, core)
            entry["calls"] = counted.sum_calls(entry["calls_by_name"])
        if "perf" in columns:
            entry["perf"] = counters.count(scratch, contestant, row, core)


def measure_row(scratch: Scratch, site: peers.Site, chosen: list[peers.Peer], row: Row, columns: list[str],
                plan: timed.Plan) -> dict:
    site = backends.site_for(scratch, site, row, plan.load_core)
    contestants, ours = line_up(scratch, site, chosen, row)
    about = {"title": row.title, "kind": row.kind, "ours": ours, "unit": row.unit}
    if row.unit == "handshake":
        able = [one for one in contestants if can_shake_hands(scratch, one, row, plan.load_core)]
        about["unable"] = [one.name for one in contestants if one not in able]
        contestants = able
    if not contestants:
        return {**about, "peers": {}}
    if row.kind == "memory":
        return {**about, **memory.measure(scratch, contestants, plan.load_core, row.load)}
    if row.kind == "storm":
        return {**about, **storm.measure(scratch, contestants, plan.load_core, plan.storm_seconds)}
    result: dict = {"peers": {}}
    if "time" in columns:
        result = timed.measure(scratch, contestants, ours, row, plan)
    if row.is_counted:
        count(scratch, contestants, row, columns, plan.load_core, result)
    return {**about, **result}


def measure_breakdown(scratch: Scratch, site: peers.Site, row: Row, core: int) -> list[breakdown.Part]:
    site = backends.site_for(scratch, site, row, core)
    ours = line_up(scratch, site, [peers.PEERS[peers.OURS]], row)[0][0]
    short, long = ((requests, file) for requests, file, _ in counted.profile(scratch, ours, row, core))
    return breakdown.per_request_by_part(short, long)


def start_backend(scratch: Scratch, programs: pathlib.Path, core: int) -> int:
    port = free_port()
    await_listening(scratch.start([str(programs / "backend"), f"127.0.0.1:{port}"], core), port, "backend")
    return port


def tell(text: str, file: Optional[pathlib.Path]) -> None:
    """As soon as it is known: a whole run takes half an hour."""
    print(text, flush=True)
    if file:
        with open(file, "a", encoding="utf-8") as stream:
            stream.write(text + "\n")


def run(options: argparse.Namespace) -> dict:
    proxy_core, load_core = pick_cores()
    os.sched_setaffinity(0, {load_core})
    chosen = peers.choose(options.peers)
    columns = usable_columns(options.columns)
    programs, proxyd = options.build / "bench/programs", options.build / "bin/proxyd"
    results = {"about": machine.describe(peers.versions([peer.name for peer in chosen], proxyd)), "rows": {}}
    tell(report.format_machine(results["about"]), options.markdown)
    plan = timed.Plan(options.rounds, options.seconds, load_core, options.storm_seconds)
    with Scratch() as scratch:
        site = peers.Site(start_backend(scratch, programs, load_core), proxy_core, programs, proxyd,
                          also=tuple(options.also))
        for row in (ROWS[name] for name in options.rows):
            if options.breakdown and row.kind == "timed":
                parts = measure_breakdown(scratch, site, row, load_core)
                results["rows"][row.name] = {"parts": [dataclasses.asdict(part) for part in parts]}
                tell(report.format_breakdown(row.title, parts), options.markdown)
            elif not options.breakdown and (row.is_counted or "time" in columns):
                results["rows"][row.name] = measure_row(scratch, site, chosen, row, columns, plan)
                tell(report.format_row(results["rows"][row.name]), options.markdown)
    return results


def end_on_signals() -> None:
    """Whoever ends the bench ends what it started too: Scratch does that on the way out."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def main() -> int:
    end_on_signals()
    options = parse_arguments(sys.argv[1:])
    try:
        results = run(options)
        if options.json:
            options.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
        if options.plot:
            plot.draw(results, options.plot)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
