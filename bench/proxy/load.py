"""Runs the load generator and reads what it says."""

import dataclasses
import json
import subprocess
from typing import Optional

import h2load
from peers import Proxy, Site
from processes import BenchError


@dataclasses.dataclass(frozen=True)
class Sample:
    """One run of the load against one proxy."""
    requests: int
    seconds: float
    cpu_us: float  # of the proxy for each request: utime+stime, from its CPU clock
    errors: int
    p50_us: float
    p99_us: float
    p999_us: float
    details: dict


def parse(line: str) -> Sample:
    return to_sample(json.loads(line))


def to_sample(counts: dict) -> Sample:
    requests = counts["requests"]
    cpu_us = counts["watched_cpu_ns"] / 1000 / requests if requests else float("nan")
    return Sample(requests, counts["seconds"], cpu_us, counts["errors"], counts["p50_us"], counts["p99_us"],
                  counts["p999_us"], counts)


def command(site: Site, core: int, proxy: Proxy, options: list[str]) -> list[str]:
    return ["taskset", "-c", str(core), str(site.programs / "load"), f"127.0.0.1:{proxy.port}", *options]


def run(site: Site, core: int, proxy: Proxy, options: list[str], seconds: float, requests: Optional[int] = None,
        may_fail: bool = False) -> Sample:
    """Asks for `seconds` at most, or `requests` times. An answer that is not the wanted one makes it void."""
    if "--h2" in options:
        watched = proxy.started.serving_pid if requests is None else None
        sample = to_sample(h2load.run(core, proxy.port, options, seconds, requests, watched))
    else:
        sample = run_own(site, core, proxy, options, seconds, requests)
    if (sample.errors or not sample.requests) and not may_fail:
        raise BenchError(f"load against {proxy.name} saw errors, so the round is void: {sample.details}")
    if requests is not None and sample.requests != requests and not may_fail:
        raise BenchError(f"{proxy.name} answered {sample.requests} of {requests} requests in {seconds} s")
    return sample


def run_own(site: Site, core: int, proxy: Proxy, options: list[str], seconds: float, requests: Optional[int]) -> Sample:
    arguments = [*options, "--seconds", str(seconds)]
    if requests is None:
        arguments += ["--watch", str(proxy.started.serving_pid)]
    else:
        arguments += ["--requests", str(requests)]
    result = subprocess.run(command(site, core, proxy, arguments), capture_output=True, text=True, check=False,
                            timeout=seconds + 60)
    if result.returncode != 0:
        raise BenchError(f"load against {proxy.name}: {result.stdout}{result.stderr}{proxy.started.error_text()[-1000:]}")
    return parse(result.stdout)
