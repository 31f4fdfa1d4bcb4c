"""The tables, and the figures in them that are computed."""

import pytest

import memory
import report
import storm
from load import Sample
from processes import BenchError


def spread(median):
    return {"median": median, "low": median / 2, "high": median * 2}


def lines(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n") if line.startswith("|")]


def test_a_timed_row_shows_what_was_measured_only():
    peers = {"nginx": {"cpu_us": spread(40.0), "ratio": spread(0.5)}, "proxyd": {"cpu_us": spread(20.0)}}
    text = report.format_row({"title": "t", "kind": "timed", "ours": "proxyd", "peers": peers})
    assert lines(text) == [["peer", "CPU µs per request", "proxyd ÷ it"], ["-" * 6, "-" * 18, "-" * 16],
                           ["nginx", "40.0 (20.0–80.0)", "0.50 (0.25–1.00)"], ["proxyd", "20.0 (10.0–40.0)", "-"]]


def test_handshakes_are_compared_by_what_a_second_of_cpu_does():
    peers = {"nginx": {"cpu_us": spread(400.0), "ratio": spread(0.5)}, "proxyd": {"cpu_us": spread(200.0)}}
    text = report.format_row({"title": "t", "kind": "timed", "ours": "proxyd", "unit": "handshake", "peers": peers,
                              "unable": ["haproxy"]})
    header, _, nginx, proxyd = lines(text)
    assert header == ["peer", "CPU µs per handshake", "handshakes per CPU second", "proxyd ÷ it"]
    assert nginx == ["nginx", "400.0 (200.0–800.0)", "2,500", "2.00 (1.00–4.00)"]
    assert proxyd == ["proxyd", "200.0 (100.0–400.0)", "5,000", "-"]
    assert "cannot do it: haproxy." in text and "more is better" in text


def test_calls_are_shown_without_and_with_waits():
    peers = {"proxyd": {"instructions": 12345.6, "calls": {"data": 4.0, "all": 4.25}}}
    text = report.format_row({"title": "t", "kind": "timed", "ours": "proxyd", "peers": peers})
    assert lines(text)[2] == ["proxyd", "12,346", "4.00 (4.25)"]


def test_memory_is_growth_and_slot():
    entry = {"connection_bytes": 910.0, "growth_bytes": 464.0, "slot_bytes": 446.0, "start_bytes": 2 * 2**20}
    text = report.format_row({"title": "t", "kind": "memory", "ours": "proxyd", "peers": {"nginx": entry}})
    assert lines(text)[2] == ["nginx", "910", "464", "446", "2.0"]


def test_pss_is_in_bytes_and_not_that_of_a_part():
    assert memory.parse_pss("Rss:   9 kB\nPss:   7 kB\nPss_Anon:   3 kB\n") == 7168
    with pytest.raises(BenchError):
        memory.parse_pss("Rss: 9 kB\n")


def test_storm_is_compared_with_quiet():
    quiet = Sample(100, 1.0, 1.0, 0, 100.0, 200.0, 300.0, {})
    wild = Sample(100, 1.0, 1.0, 3, 110.0, 240.0, 360.0, {})
    entry = {**storm.compare(quiet, wild, 2**20, 2**21), "routes": 10, "reloads": 5}
    text = report.format_row({"title": "t", "kind": "storm", "ours": "proxyd", "peers": {"nginx": entry}})
    assert lines(text)[2] == ["nginx", "5 reloads", "100 → 110", "200 → 240", "300 → 360", "3", "1 → 2"]
