"""The results as tables for people: Markdown, which is readable as it is."""

from breakdown import Part
from figures import Spread, format_spread

COLUMNS = ("peer", "CPU µs per {unit}", "{unit}s per CPU second", "{ours} ÷ it", "user instructions", "perf: user + kernel",
           "system calls (with waits)", "{unit}s/s", "p50 µs", "p99 µs")


def spread_of(entry: dict, key: str):
    return Spread(**entry[key]) if key in entry else None


def number(entry: dict, key: str, digits: int = 0) -> str:
    return f"{entry[key]:,.{digits}f}" if key in entry else "-"


def timed_line(name: str, entry: dict, is_rate: bool) -> list[str]:
    """`is_rate`: goals are about what a second of CPU does, so that is shown and compared."""
    calls, perf = entry.get("calls"), entry.get("perf")
    cpu, ratio = spread_of(entry, "cpu_us"), spread_of(entry, "ratio")
    if is_rate and ratio:
        ratio = Spread(1 / ratio.median, 1 / ratio.high, 1 / ratio.low)
    return [
        name,
        format_spread(cpu, 1),
        f"{1e6 / cpu.median:,.0f}" if is_rate and cpu else "-",
        format_spread(ratio, 2),
        number(entry, "instructions"),
        f"{perf['user']:,.0f} + {perf['kernel']:,.0f}" if perf else "-",
        f"{calls['data']:.2f} ({calls['all']:.2f})" if calls else "-",
        number(entry, "requests_per_second"),
        number(entry, "p50_us"),
        number(entry, "p99_us"),
    ]


def table(header: tuple[str, ...], lines: list[list[str]]) -> str:
    """Aligned, so that it reads well as it is too."""
    widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
    rows = [header, ["-" * width for width in widths], *lines]
    return "".join("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |\n" for row in rows)


def format_row(result: dict) -> str:
    forms = {"memory": format_memory, "storm": format_storm}
    if not result["peers"]:
        return f"### {result['title']}\nNone of the chosen peers can take part.\n"
    return f"### {result['title']}\n" + forms.get(result["kind"], format_timed)(result)


def format_timed(result: dict) -> str:
    unit = result.get("unit", "request")
    lines = [timed_line(name, entry, unit == "handshake") for name, entry in result["peers"].items()]
    # Columns that were not measured are not shown.
    kept = [i for i in range(len(COLUMNS)) if any(line[i] != "-" for line in lines)]
    text = ""
    if "rate" in result:
        text = f"{result['rate']:,.0f} requests/s, on schedule; latency counts from when a request was due.\n\n"
    if result.get("unable"):
        text += f"Not here, because they cannot do it: {', '.join(result['unable'])}.\n\n"
    spoken = sorted({entry["tls"] for entry in result["peers"].values() if "tls" in entry})
    if spoken:
        text += f"{' and '.join(spoken)}.\n\n"
    if unit == "handshake":
        text += f"{result['ours']} ÷ it is of {unit}s per CPU second: more is better.\n\n"
    header = tuple(COLUMNS[i].format(ours=result["ours"], unit=unit) for i in kept)
    return text + table(header, [[line[i] for i in kept] for line in lines])


def format_breakdown(title: str, parts: list[Part]) -> str:
    total = sum(part.instructions for part in parts)
    lines = [[part.name, f"{part.instructions:,.0f}", f"{part.instructions / total:.0%}",
              ", ".join(f"`{name}` {rate:,.0f}" for name, rate in part.functions[:4] if rate >= 10)]
             for part in parts if part.instructions >= 1]
    lines.append(["all", f"{total:,.0f}", "100%", ""])
    return f"### User instructions of proxyd by part: {title}\n" + table(
        ("part", "per request", "share", "most of it in"), lines)


def format_memory(result: dict) -> str:
    lines = [[name, f"{entry['connection_bytes']:,.0f}", f"{entry['growth_bytes']:,.0f}", f"{entry['slot_bytes']:,.0f}",
              f"{entry['start_bytes'] / 2**20:.1f}"] for name, entry in result["peers"].items()]
    return table(("peer", "bytes per connection", "grown with it", "taken at the start for it", "MB at the start"), lines)


def format_storm(result: dict) -> str:
    def pair(values: list[float], unit: float = 1) -> str:
        return " → ".join(f"{value / unit:,.0f}" for value in values)

    lines = []
    notes = ""
    for name, entry in result["peers"].items():
        changes = entry.get("changes")
        done = f"{changes['changes'] / changes['seconds']:,.0f} changes/s" if changes else f"{entry['reloads']} reloads"
        lines.append([name, done, pair(entry["p50_us"]), pair(entry["p99_us"]), pair(entry["p999_us"]),
                      f"{entry['cut_or_wrong']:,}", pair(entry["pss_bytes"], 2**20)])
        if changes:
            cost = entry["cost"]
            notes = (f"\nOne change, from the call until every worker serves it: p50 {changes['adopted_p50_us']:,.0f} µs, "
                     f"p99 {changes['adopted_p99_us']:,.0f} µs; CPU {cost['process_cpu_us']:.1f} µs, "
                     f"{cost['caller_cpu_us']:.1f} of them in the call. "
                     f"First configuration: {entry['start']['publish_cpu_ms']:,.0f} ms of CPU.\n")
    return table(("peer", "storm", "p50 µs, quiet → storm", "p99 µs", "p99.9 µs", "cut or wrong", "MB, before → after"),
                 lines) + notes


def format_machine(about: dict) -> str:
    versions = ", ".join(about["versions"].values())
    return (f"Machine: {about['machine']}. Commit {about['commit']}. Versions: {versions}.\n"
            f"Command: `{about['command']}`.\n")
