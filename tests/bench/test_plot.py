"""The figures behind the picture."""

import plot


def entry(median):
    return {"cpu_us": {"median": median, "low": median / 2, "high": median * 2}}


def test_bars_are_multiples_of_nginx_in_the_same_row():
    rows = {"1k": {"title": "small", "peers": {"nginx": entry(40.0), "proxyd": entry(30.0)}},
            "1m": {"title": "large", "peers": {"nginx": entry(1000.0), "proxyd": entry(250.0)}}}
    titles, peers = plot.bars(rows)
    assert titles == ["small", "large"]
    assert peers["proxyd"] == [(0, 0.75, 0.375, 1.5), (1, 0.25, 0.125, 0.5)]


def test_rows_without_times_are_not_drawn():
    rows = {"memory": {"title": "idle", "peers": {"nginx": {"growth_bytes": 1.0}}},
            "log": {"title": "log", "peers": {"log": entry(1.0)}}}
    assert plot.bars(rows) == ([], {})
