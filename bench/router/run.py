#!/usr/bin/env python3
"""Runs the router's benches and matchit with the same keys in turns, and prints one table.

  run.py [--large] [--rounds N] [--json FILE] [--build DIR]

--large adds a million routes (4 GB of memory, minutes). Ratios are medians over rounds that ran right
after each other; times are CPU time, so that a busy machine stretches them less.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOOKUPS = ["exact_hosts", "unknown_hosts", "wildcard_hosts", "paths_of_one_host"]
WITH_MATCHIT = ["exact_hosts", "unknown_hosts", "paths_of_one_host"]
SIZES = [10, 1_000, 100_000]


def build_matchit(build_dir: pathlib.Path):
    """The program, or None with a word on stderr."""
    if shutil.which("cargo") is None:
        print("router bench: no cargo here, so no comparison with matchit (Debian: apt-get install cargo)", file=sys.stderr)
        return None
    target = build_dir / "matchit"
    built = subprocess.run(["cargo", "build", "--release", "--locked", "--quiet"],
                           cwd=ROOT / "bench/router/matchit", env=os.environ | {"CARGO_TARGET_DIR": str(target)})
    if built.returncode != 0:
        print("router bench: cargo could not build matchit (see above), so no comparison with it", file=sys.stderr)
        return None
    return target / "release/router-matchit"


def run_benchmarks(program, pattern, seconds, large):
    """{name without suffixes: entry of Google Benchmark's JSON} of what matches `pattern`."""
    environment = os.environ | ({"INGRESS_BENCH_LARGE": "1"} if large else {})
    out = subprocess.run([program, f"--benchmark_filter={pattern}", f"--benchmark_min_time={seconds}",
                          "--benchmark_format=json"],
                         env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    entries = json.loads(out)["benchmarks"]
    return {entry["name"].removesuffix("/manual_time").removesuffix("/iterations:1"): entry for entry in entries}


def run_matchit(program, lookup, size, seconds):
    out = subprocess.run([program, lookup, str(size), str(seconds)], stdout=subprocess.PIPE, check=True).stdout
    return json.loads(out)


class Rounds:
    """Figures of all rounds by name."""

    def __init__(self):
        self.figures = {}

    def add(self, name, figure):
        self.figures.setdefault(name, []).append(figure)

    def median(self, name):
        return statistics.median(self.figures[name]) if name in self.figures else None

    def ratio(self, name, other):
        """The median of the ratios in each round."""
        if name not in self.figures or other not in self.figures:
            return None
        return statistics.median(a / b for a, b in zip(self.figures[name], self.figures[other]))


def measure_lookups(rounds, program, matchit, size, seconds):
    for name, entry in run_benchmarks(program, rf"^(look_up/.*|unordered_map|flat_table)/{size}$", seconds,
                                      size > SIZES[-1]).items():
        rounds.add(name, entry["cpu_time"])
    for lookup in WITH_MATCHIT if matchit else []:
        result = run_matchit(matchit, lookup, size, seconds)
        rounds.add(f"matchit/{lookup}/{size}", result["nanoseconds"])
        if lookup != "unknown_hosts":
            rounds.add(f"matchit_build/{lookup}/{size}", result["build_ms"])
            rounds.add(f"matchit_bytes/{lookup}/{size}", result["bytes"])


def measure_builds(rounds, program, size):
    for name, entry in run_benchmarks(program, rf"^build/.*/{size}$", 0.2, size > SIZES[-1]).items():
        rounds.add(name, entry["cpu_time"])
        rounds.add(f"{name}/table_bytes", entry["table_bytes"])
        rounds.add(f"{name}/all_bytes", entry["all_bytes"])


def measure_changes(rounds, program, size):
    pattern = rf"^(upsert|remove|change_endpoint|memory_after_changes)(/.*)?/{size}(/.*)?$"
    for name, entry in run_benchmarks(program, pattern, 0.2, size > SIZES[-1]).items():
        if name.startswith("memory"):
            rounds.add(f"{name}/heap", entry["heap_growth_percent"])
            rounds.add(f"{name}/resident", entry["resident_growth_percent"])
        else:
            rounds.add(name, entry["real_time"])


def show(figure, digits=0):
    return "-" if figure is None else f"{figure:,.{digits}f}"


def print_table(title, columns, rows):
    widths = [max(len(row[i]) for row in [columns, *rows]) for i in range(len(columns))]
    print(f"\n### {title}")
    for i, row in enumerate([columns, ["-" * width for width in widths], *rows]):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def print_results(rounds, sizes):
    rows = []
    for lookup in LOOKUPS:
        for size in sizes:
            name = f"look_up/{lookup}/{size}"
            rival = f"matchit/{lookup}/{size}"
            exact = lookup == "exact_hosts"
            rows.append([lookup, f"{size:,}", show(rounds.median(name)), show(rounds.median(rival)),
                         show(rounds.ratio(name, rival), 2),
                         show(rounds.median(f"flat_table/{size}")) if exact else "-",
                         show(rounds.median(f"unordered_map/{size}")) if exact else "-",
                         show(rounds.ratio(name, f"flat_table/{size}"), 2) if exact else "-"])
    print_table("Lookup, ns of CPU, random order",
                ["routes", "number", "router", "matchit", "vs matchit", "flat table", "unordered_map", "vs flat table"],
                rows)
    rows = [[shape, f"{size:,}", show(rounds.median(f"build/{shape}/{size}"), 2),
             show(rounds.median(f"matchit_build/{shape}/{size}"), 2),
             show(rounds.ratio(f"build/{shape}/{size}", f"matchit_build/{shape}/{size}"), 2),
             show(rounds.median(f"build/{shape}/{size}/table_bytes")),
             show(rounds.median(f"build/{shape}/{size}/all_bytes")),
             show(rounds.median(f"matchit_bytes/{shape}/{size}"))]
            for shape in ["exact_hosts", "paths_of_one_host"] for size in sizes]
    print_table("Build", ["routes", "number", "ms", "matchit ms", "vs matchit", "table bytes per route",
                          "with the configuration's", "matchit bytes"], rows)
    rows = [[change, *(show(rounds.median(f"{change}/{size}"), 1) for size in sizes)]
            for change in ["upsert/many_hosts", "remove/many_hosts", "change_endpoint", "upsert/one_host", "remove/one_host"]]
    print_table("One change, delta to snapshot, µs", ["change", *(f"{size:,}" for size in sizes)], rows)
    rows = [[what, *(show(rounds.median(f"memory_after_changes/{size}/{what}"), 2) for size in sizes)]
            for what in ["heap", "resident"]]
    print_table("Growth after 10,000 changes, %", ["memory", *(f"{size:,}" for size in sizes)], rows)


def main():
    parser = argparse.ArgumentParser(prog="./dev bench router", description="What routes cost.")
    parser.add_argument("--large", action="store_true", help="also a million routes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each lookup in each round")
    parser.add_argument("--json", type=pathlib.Path, help="write the medians there")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help="an existing build folder")
    options = parser.parse_args()
    program = options.build / "bin/router_bench"
    matchit = build_matchit(options.build.resolve())
    sizes = SIZES + ([1_000_000] if options.large else [])
    rounds = Rounds()
    for size in sizes:
        num_rounds = options.rounds if size < 1_000_000 else min(options.rounds, 3)
        for number in range(num_rounds):
            print(f"router bench: {size:,} routes, round {number + 1} of {num_rounds}", file=sys.stderr)
            measure_lookups(rounds, program, matchit, size, options.seconds)
            measure_builds(rounds, program, size)
            measure_changes(rounds, program, size)
    print_results(rounds, sizes)
    if options.json:
        medians = {name: rounds.median(name) for name in rounds.figures}
        ratios = {name: rounds.ratio(name, name.replace("look_up", "matchit")) for name in rounds.figures
                  if name.startswith("look_up") and name.replace("look_up", "matchit") in rounds.figures}
        options.json.write_text(json.dumps({"median": medians, "vs_matchit": ratios}, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
