"""CPU time per request: every peer in turn, round after round, each round of the same short length."""

import dataclasses

import load
from figures import Spread, paired_ratios
from load import Sample
from peers import Contestant
from processes import Scratch, await_rest
from rows import Row

QUARTER = 0.25


@dataclasses.dataclass(frozen=True)
class Plan:
    """How much is measured."""
    rounds: int
    seconds: float
    load_core: int
    storm_seconds: float


def measure(scratch: Scratch, contestants: list[Contestant], ours: str, row: Row, plan: Plan) -> dict:
    """Result of a row: samples of each contestant, and how `ours` compares with the others."""
    site = contestants[0].site
    proxies = [contestant.start(scratch) for contestant in contestants]
    try:
        for proxy in proxies:
            await_rest(proxy.started)
        options = list(row.load)
        rate = 0.0
        if row.kind == "paced":
            rate = find_rate([load.run(site, plan.load_core, proxy, options, plan.seconds) for proxy in proxies])
            options += ["--rate", str(rate)]
        samples: dict[str, list[Sample]] = {proxy.name: [] for proxy in proxies}
        for _ in range(plan.rounds):
            for proxy in proxies:
                samples[proxy.name].append(load.run(site, plan.load_core, proxy, options, plan.seconds))
    finally:
        for proxy in proxies:
            scratch.stop(proxy.started)
    result = summarize(samples, ours)
    if rate:
        result["rate"] = rate
    return result


def find_rate(saturated: list[Sample]) -> float:
    return float(round(QUARTER * min(sample.requests / sample.seconds for sample in saturated)))


def summarize(samples: dict[str, list[Sample]], our_name: str) -> dict:
    ours = samples.get(our_name)
    peers = {}
    for name, rounds in samples.items():
        cpu = [sample.cpu_us for sample in rounds]
        entry = {
            "cpu_us": dataclasses.asdict(Spread.of(cpu)),
            "requests_per_second": Spread.of([sample.requests / sample.seconds for sample in rounds]).median,
            "p50_us": Spread.of([sample.p50_us for sample in rounds]).median,
            "p99_us": Spread.of([sample.p99_us for sample in rounds]).median,
            "p999_us": Spread.of([sample.p999_us for sample in rounds]).median,
            "samples_cpu_us": cpu,
        }
        if "tls" in rounds[0].details:
            entry["tls"] = rounds[0].details["tls"]
        if ours and name != our_name:
            ratios = paired_ratios([sample.cpu_us for sample in ours], cpu)
            entry["ratio"] = dataclasses.asdict(Spread.of(ratios))
        peers[name] = entry
    return {"peers": peers}
