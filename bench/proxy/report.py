"""The results as tables for people: Markdown, which is readable as it is."""

from figures import Spread, format_spread

COLUMNS = ("peer", "CPU µs per request", "proxyd ÷ it", "user instructions", "system calls (with waits)", "requests/s",
           "p50 µs", "p99 µs")


def spread_of(entry: dict, key: str):
    return Spread(**entry[key]) if key in entry else None


def number(entry: dict, key: str, digits: int = 0) -> str:
    return f"{entry[key]:,.{digits}f}" if key in entry else "-"


def timed_line(name: str, entry: dict) -> list[str]:
    calls = entry.get("calls")
    return [
        name,
        format_spread(spread_of(entry, "cpu_us"), 1),
        format_spread(spread_of(entry, "ratio"), 2),
        number(entry, "instructions"),
        f"{calls['data']:.1f} ({calls['all']:.1f})" if calls else "-",
        number(entry, "requests_per_second"),
        number(entry, "p50_us"),
        number(entry, "p99_us"),
    ]


def table(header: tuple[str, ...], lines: list[list[str]]) -> str:
    rows = [list(header), ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n"


def format_row(result: dict) -> str:
    lines = [timed_line(name, entry) for name, entry in result["peers"].items()]
    # Columns that were not measured are not shown.
    kept = [i for i in range(len(COLUMNS)) if any(line[i] != "-" for line in lines)]
    text = f"### {result['title']}\n"
    if "rate" in result:
        text += f"{result['rate']:,.0f} requests/s, on schedule; latency counts from when a request was due.\n"
    return text + table(tuple(COLUMNS[i] for i in kept), [[line[i] for i in kept] for line in lines])


def format_machine(about: dict) -> str:
    versions = "; ".join(f"{name}: {text}" for name, text in about["versions"].items())
    return (f"Machine: {about['machine']}. Commit {about['commit']}. {versions}.\n"
            f"Command: `{about['command']}`.\n")
