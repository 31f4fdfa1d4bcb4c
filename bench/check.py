#!/usr/bin/env python3
"""Compares what a request and a route cost with bench/baseline.json; a regression ends with exit code 1.

  check.py [--update] [--parts instructions,router] [--build DIR]

User instructions hardly depend on the machine (callgrind counts them), nor do bytes per route. Lookups are compared
as multiples of a lookup in a flat hash table of the same run; other times as they are, which only shows what is
grossly wrong on another machine. baseline.json states the tolerance of each kind. Called by `./dev bench check`.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "bench/proxy"))

import counted  # noqa: E402
import machine  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import run as proxy_bench  # noqa: E402
from processes import BenchError, Scratch, pick_cores  # noqa: E402
from rows import ROWS  # noqa: E402

BASELINE = ROOT / "bench/baseline.json"
PARTS = ("instructions", "router")
COUNTED_ROWS = ("1k", "64k", "new", "post")
ROUTER_SIZES = (1_000, 100_000)
ROUTER_LOOKUPS = ("exact_hosts", "unknown_hosts", "wildcard_hosts", "paths_of_one_host")
ROUTER_CHANGES = ("upsert/many_hosts", "remove/many_hosts", "change_endpoint", "upsert/one_host", "remove/one_host")


def measure_instructions(build: pathlib.Path) -> dict[str, float]:
    core, load_core = pick_cores()
    figures = {}
    with Scratch() as scratch:
        programs = build / "bench/programs"
        site = peers.Site(proxy_bench.start_backend(scratch, programs, load_core), core, programs, build / "bin/proxyd")
        ours = peers.Contestant(peers.OURS, peers.PEERS[peers.OURS], site)
        for name in COUNTED_ROWS:
            figures[f"instructions/{name}"] = round(
                counted.count_instructions(scratch, ours, ROWS[name], load_core))
    return figures


def measure_router(build: pathlib.Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "router.json"
        command = [str(ROOT / "bench/router/run.py"), "--rounds", "3", "--seconds", "0.2", "--json", str(file),
                   "--build", str(build)]
        if subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            raise BenchError("the bench of the router failed, see above")
        try:
            return pick_router_figures(json.loads(file.read_text())["median"])
        except KeyError as error:
            raise BenchError(f"the bench of the router has no figure {error}") from error


def pick_router_figures(medians: dict[str, float]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for size in ROUTER_SIZES:
        for lookup in ROUTER_LOOKUPS:
            figures[f"lookup/{lookup}/{size}"] = medians[f"look_up/{lookup}/{size}"] / medians[f"flat_table/{size}"]
        for shape in ("exact_hosts", "paths_of_one_host"):
            figures[f"bytes/{shape}/{size}"] = medians[f"build/{shape}/{size}/table_bytes"]
            figures[f"time/build/{shape}/{size}"] = medians[f"build/{shape}/{size}"]
        for change in ROUTER_CHANGES:
            figures[f"time/{change}/{size}"] = medians[f"{change}/{size}"]
    return {name: round(figure, 2) for name, figure in figures.items()}


def judge(name: str, figure: float, before: float, tolerance: float) -> str:
    if figure > before * (1 + tolerance):
        return "REGRESSION"
    if figure < before * (1 - tolerance):
        return "better; --update keeps it so"
    return "ok"


def compare(baseline: dict, figures: dict[str, float]) -> list[list[str]]:
    """A line for each figure: name, baseline, now, change, tolerance, verdict."""
    lines = []
    for name, figure in figures.items():
        tolerance = baseline["tolerance"][name.split("/")[0]]
        before = baseline["figures"].get(name)
        if before is None:
            lines.append([name, "-", f"{figure:,}", "-", f"{tolerance:.0%}", "new; --update takes it in"])
        else:
            lines.append([name, f"{before:,}", f"{figure:,}", f"{figure / before - 1:+.1%}", f"{tolerance:.0%}",
                          judge(name, figure, before, tolerance)])
    return lines


def is_regression(lines: list[list[str]]) -> bool:
    return any(line[-1] == "REGRESSION" for line in lines)


def update(baseline: dict, figures: dict[str, float]) -> None:
    baseline["figures"] = dict(sorted({**baseline["figures"], **figures}.items()))
    baseline["about"] = {"machine": machine.machine(), "commit": machine.commit()}
    BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
    print(f"{BASELINE.relative_to(ROOT)} is rewritten; commit it with the reason")


def main() -> int:
    parser = argparse.ArgumentParser(prog="./dev bench check", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="make what is measured now the baseline")
    parser.add_argument("--parts", default=",".join(PARTS), help=f"of {','.join(PARTS)} [all]")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release", help="an existing build folder")
    options = parser.parse_args()
    parts = options.parts.split(",")
    if not set(parts) <= set(PARTS):
        parser.error(f"--parts are of {', '.join(PARTS)}")
    proxy_bench.end_on_signals()
    figures: dict[str, float] = {}
    try:
        if "instructions" in parts:
            figures |= measure_instructions(options.build)
        if "router" in parts:
            figures |= measure_router(options.build)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    baseline = json.loads(BASELINE.read_text())
    lines = compare(baseline, figures)
    print(report.table(("figure", "baseline", "now", "change", "tolerance", "verdict"), lines))
    if options.update:
        update(baseline, figures)
        return 0
    return 1 if is_regression(lines) else 0


if __name__ == "__main__":
    sys.exit(main())
