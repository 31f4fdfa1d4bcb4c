"""What counts as a regression."""

import json
import pathlib
import sys

import pytest

BENCH = pathlib.Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))

import check  # noqa: E402

BASELINE = {"tolerance": {"instructions": 0.03, "time": 1.0}, "figures": {"instructions/1k": 10000, "time/build": 2.0}}


@pytest.mark.parametrize("figure, is_worse", [(10000, False), (10300, False), (10301, True), (5000, False)])
def test_more_than_the_tolerance_is_a_regression(figure, is_worse):
    lines = check.compare(BASELINE, {"instructions/1k": figure})
    assert check.is_regression(lines) == is_worse


def test_each_kind_has_its_own_tolerance():
    assert not check.is_regression(check.compare(BASELINE, {"time/build": 3.9}))
    assert check.is_regression(check.compare(BASELINE, {"instructions/1k": 9000, "time/build": 4.1}))


def test_what_the_baseline_does_not_know_is_told():
    lines = check.compare(BASELINE, {"instructions/new": 1})
    assert lines[0][-1].startswith("new")
    assert not check.is_regression(lines)


def test_every_committed_figure_has_a_tolerance():
    baseline = json.loads((BENCH / "baseline.json").read_text())
    assert {name.split("/")[0] for name in baseline["figures"]} <= baseline["tolerance"].keys()


def test_lookups_are_multiples_of_a_flat_table():
    medians = {f"flat_table/{size}": 50.0 for size in check.ROUTER_SIZES}
    for size in check.ROUTER_SIZES:
        medians |= {f"look_up/{lookup}/{size}": 100.0 for lookup in check.ROUTER_LOOKUPS}
        medians |= {f"{change}/{size}": 3.0 for change in check.ROUTER_CHANGES}
        for shape in ("exact_hosts", "paths_of_one_host"):
            medians |= {f"build/{shape}/{size}": 9.0, f"build/{shape}/{size}/table_bytes": 400.0}
    figures = check.pick_router_figures(medians)
    assert figures["lookup/exact_hosts/100000"] == 2.0
    assert figures["bytes/exact_hosts/1000"] == 400.0
