"""Medians and ratios."""

import pytest

import timed
from figures import Spread, format_spread, paired_ratios, per_request
from load import Sample


def sample(cpu_us, requests=100, seconds=1.0):
    return Sample(requests, seconds, cpu_us, 0, 1, 2, 3, {})


def test_a_ratio_is_of_the_same_round():
    # The machine was half as fast in the second round: both took twice as long, and the ratio does not see it.
    assert paired_ratios([10, 20], [20, 40]) == [0.5, 0.5]


def test_rounds_that_have_no_partner_are_an_error():
    with pytest.raises(ValueError):
        paired_ratios([1, 2], [1])


def test_start_and_end_fall_out_of_the_difference():
    assert per_request((100, 5000), (300, 7000)) == 10


def test_two_runs_of_the_same_length_tell_nothing():
    with pytest.raises(ValueError):
        per_request((100, 1), (100, 2))


def test_spread_is_median_and_range():
    assert Spread.of([3, 1, 2, 10]) == Spread(2.5, 1, 10)
    assert format_spread(Spread(1, 0.5, 2), 1) == "1.0 (0.5–2.0)"


def test_summary_compares_ours_with_each_peer():
    result = timed.summarize({"nginx": [sample(40), sample(50)], "proxyd": [sample(20), sample(30)]}, "proxyd")
    assert result["peers"]["nginx"]["ratio"] == {"median": 0.55, "low": 0.5, "high": 0.6}
    assert "ratio" not in result["peers"]["proxyd"]


def test_the_pace_is_a_quarter_of_the_slowest():
    assert timed.find_rate([sample(1, 1000, 1.0), sample(1, 900, 0.5)]) == 250
