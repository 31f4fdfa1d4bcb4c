"""What is made of the samples: medians, ranges and paired ratios."""

import dataclasses
import statistics
from typing import Optional, Sequence


@dataclasses.dataclass(frozen=True)
class Spread:
    """The median of some samples and how far they lie apart."""
    median: float
    low: float
    high: float

    @staticmethod
    def of(samples: Sequence[float]) -> "Spread":
        return Spread(statistics.median(samples), min(samples), max(samples))


def paired_ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """ours/theirs of each round: what the machine did meanwhile happened to both."""
    if len(ours) != len(theirs):
        raise ValueError(f"{len(ours)} rounds of ours, {len(theirs)} of theirs")
    return [our / their for our, their in zip(ours, theirs)]


def per_request(short: tuple[int, float], long: tuple[int, float]) -> float:
    """From two runs, each (requests, counted): what start and end cost is in both and falls out."""
    requests = long[0] - short[0]
    if requests <= 0:
        raise ValueError(f"{requests} requests between the short and the long run")
    return (long[1] - short[1]) / requests


def format_spread(spread: Optional[Spread], digits: int) -> str:
    if spread is None:
        return "-"
    return f"{spread.median:.{digits}f} ({spread.low:.{digits}f}–{spread.high:.{digits}f})"
