"""Loads by HTTP/2: runs nghttp2's h2load and reads what it says.

Options, as in rows.py: --h2, --tls, --path PATH, and --grpc for calls whose message is that of MESSAGE. Heads are those
that browsers send; of calls, those that gRPC's libraries send.
"""

import pathlib
import re
import subprocess
import tempfile
import time
from typing import Optional

from processes import BenchError, find_program

CONNECTIONS, STREAMS = 16, 16
BROWSER = ("User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
           "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "Accept-Language: en-US,en;q=0.5",
           "Accept-Encoding: gzip, deflate", "Cookie: session=0123456789abcdef0123456789abcdef; theme=dark",
           "Upgrade-Insecure-Requests: 1", "Cache-Control: max-age=0")
GRPC = ("Content-Type: application/grpc", "TE: trailers", "User-Agent: grpc-c++/1.51.1 grpc-c/29.0.0 (linux)",
        "Grpc-Accept-Encoding: identity, deflate, gzip", "Grpc-Timeout: 10S")
# Not compressed, 100 bytes.
MESSAGE = b"\0\0\0\0\x64" + b"m" * 100


def cpu_ns(pid: int) -> int:
    """User and system time of a process, from its CPU clock (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def command(program: str, core: int, port: int, options: list[str], log: pathlib.Path, message: pathlib.Path) -> list[str]:
    scheme = "https" if "--tls" in options else "http"
    is_grpc = "--grpc" in options
    heads = GRPC if is_grpc else BROWSER
    path = options[options.index("--path") + 1]
    arguments = ["taskset", "-c", str(core), program, "-t1", f"-c{CONNECTIONS}", f"-m{STREAMS}", f"--log-file={log}",
                 *(f"-H{head}" for head in heads)]
    if is_grpc:
        message.write_bytes(MESSAGE)
        arguments += ["-d", str(message)]
    return [*arguments, f"{scheme}://127.0.0.1:{port}{path}"]


def percentile(sorted_us: list[int], share: float) -> float:
    return float(sorted_us[min(len(sorted_us) - 1, int(share * len(sorted_us)))]) if sorted_us else float("nan")


def parse(output: str, log: str) -> dict:
    """What the own load generator says of itself, as far as h2load knows."""
    total = re.search(r"requests: .* done, \d+ succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    finished = re.search(r"finished in ([\d.]+)(ms|us|s|m)\b", output)
    if not total or not statuses or not finished:
        raise BenchError(f"h2load says nothing that can be read:\n{output[-1000:]}")
    times = sorted(int(line.split("\t")[2]) for line in log.splitlines())
    unit = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}[finished[2]]
    return {"requests": int(statuses[1]), "seconds": float(finished[1]) * unit,
            "errors": sum(map(int, total.groups())) + sum(map(int, statuses.groups()[1:])),
            "p50_us": percentile(times, 0.5), "p99_us": percentile(times, 0.99), "p999_us": percentile(times, 0.999)}


def run(core: int, port: int, options: list[str], seconds: float, requests: Optional[int], pid: Optional[int]) -> dict:
    """One run against `port`; `watched_cpu_ns` is what `pid` used meanwhile."""
    program = find_program("h2load")
    if program is None:
        raise BenchError("h2load is not installed: ./dev setup bench")
    with tempfile.TemporaryDirectory(prefix="bench-h2load-") as folder:
        log, message = pathlib.Path(folder) / "times", pathlib.Path(folder) / "message"
        arguments = command(program, core, port, options, log, message)
        length = [f"-n{requests}"] if requests else [f"-D{max(1, round(seconds))}"]  # it counts in whole seconds
        before = cpu_ns(pid) if pid else 0
        done = subprocess.run(arguments[:4] + length + arguments[4:], capture_output=True, text=True, check=False,
                              timeout=seconds + 60)
        after = cpu_ns(pid) if pid else 0
        if done.returncode != 0:
            raise BenchError(f"h2load: {done.stdout[-1000:]}{done.stderr[-1000:]}")
        counts = parse(done.stdout, log.read_text(encoding="ascii"))
    return {**counts, "watched_cpu_ns": after - before}
