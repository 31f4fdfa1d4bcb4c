#!/usr/bin/env python3
"""Compares proxyd with nginx, HAProxy and a bare forwarder: CPU, instructions and system calls per request.

Everything runs on loopback: the proxy under test on the first core, backend and load on the second. docs/performance.md
tells what each figure means. Called by `./dev bench proxy`, which builds the programs first.
"""

import argparse
import json
import os
import pathlib
import signal
import sys

import counted
import machine
import peers
import report
import timed
from processes import BenchError, Scratch, await_listening, find_program, free_port, pick_cores
from rows import ROWS, Row

COLUMNS = ("time", "instructions", "calls")
TRACERS = {"instructions": "valgrind", "calls": "strace"}


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    def names(text: str) -> list[str]:
        return [name for name in text.split(",") if name]

    parser = argparse.ArgumentParser(prog="./dev bench proxy", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20, help="how often each peer has its turn [20]")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a turn [0.5]")
    parser.add_argument("--rows", type=names, default=list(ROWS), help=f"of {','.join(ROWS)} [all]")
    parser.add_argument("--peers", type=names, default=list(peers.PEERS), help=f"of {','.join(peers.PEERS)} [all]")
    parser.add_argument("--columns", type=names, default=list(COLUMNS), help=f"of {','.join(COLUMNS)} [all]")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--build", type=pathlib.Path, default=machine.ROOT / "build/release", metavar="DIR",
                        help="build folder that has the programs [build/release]")
    options = parser.parse_args(arguments)
    for chosen, known in ((options.rows, ROWS), (options.columns, COLUMNS)):
        unknown = [name for name in chosen if name not in known]
        if unknown:
            parser.error(f"what is {unknown[0]}? there are: {', '.join(known)}")
    if options.rounds < 1 or not 0 < options.seconds <= 60:
        parser.error("--rounds is at least 1, --seconds at most 60")
    return options


def usable_columns(wanted: list[str]) -> list[str]:
    usable = []
    for column in wanted:
        tracer = TRACERS.get(column)
        if tracer is None or find_program(tracer):
            usable.append(column)
        else:
            print(f"bench: no column {column}: {tracer} is not installed: ./dev setup bench", flush=True)
    return usable


def measure_row(scratch: Scratch, site: peers.Site, chosen: list[peers.Peer], row: Row, columns: list[str],
                plan: timed.Plan) -> dict:
    result: dict = {"peers": {peer.name: {} for peer in chosen}}
    if "time" in columns:
        result = timed.measure(scratch, site, chosen, row, plan)
    if row.kind == "timed":
        for peer in chosen:
            entry = result["peers"][peer.name]
            if "instructions" in columns:
                entry["instructions"] = counted.count_instructions(scratch, site, peer, row, plan.load_core)
            if "calls" in columns:
                entry["calls_by_name"] = counted.count_calls(scratch, site, peer, row, plan.load_core)
                entry["calls"] = counted.sum_calls(entry["calls_by_name"])
    return {"title": row.title, **result}


def start_backend(scratch: Scratch, programs: pathlib.Path, core: int) -> int:
    port = free_port()
    await_listening(scratch.start([str(programs / "backend"), f"127.0.0.1:{port}"], core), port, "backend")
    return port


def run(options: argparse.Namespace) -> dict:
    proxy_core, load_core = pick_cores()
    os.sched_setaffinity(0, {load_core})
    chosen = peers.choose(options.peers)
    columns = usable_columns(options.columns)
    programs, proxyd = options.build / "bench/programs", options.build / "bin/proxyd"
    results = {"about": machine.describe(peers.versions([peer.name for peer in chosen], proxyd)), "rows": {}}
    print(report.format_machine(results["about"]), flush=True)
    plan = timed.Plan(options.rounds, options.seconds, load_core)
    with Scratch() as scratch:
        site = peers.Site(start_backend(scratch, programs, load_core), proxy_core, programs, proxyd)
        for name in options.rows:
            if ROWS[name].kind == "paced" and "time" not in columns:
                continue
            results["rows"][name] = measure_row(scratch, site, chosen, ROWS[name], columns, plan)
            print(report.format_row(results["rows"][name]), flush=True)
    return results


def main() -> int:
    # Whoever ends the bench ends what it started too: Scratch does that on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = parse_arguments(sys.argv[1:])
    try:
        results = run(options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if options.json:
        options.json.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
