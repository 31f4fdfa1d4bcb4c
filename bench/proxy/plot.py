"""The timed rows as one picture: CPU time per request of every peer, as a multiple of plain nginx."""

import pathlib

from processes import BenchError

YARDSTICK = "nginx"
COLORS = {"nginx": "#9aa5b1", "nginx-tuned": "#cbd2d9", "haproxy": "#7b8794", "haproxy-tuned": "#b8c2cc",
          "floor": "#e4b363", "proxyd": "#2f6fde"}


def bars(rows: dict) -> tuple[list[str], dict[str, list[tuple[int, float, float, float]]]]:
    """Titles of the rows that can be shown; of each peer: position of the row, median and ends of its range."""
    shown = [row for row in rows.values() if YARDSTICK in row["peers"] and "cpu_us" in row["peers"][YARDSTICK]]
    peers: dict[str, list[tuple[int, float, float, float]]] = {}
    for position, row in enumerate(shown):
        unit = row["peers"][YARDSTICK]["cpu_us"]["median"]
        for name, entry in row["peers"].items():
            spread = entry["cpu_us"]
            peers.setdefault(name, []).append(
                (position, spread["median"] / unit, spread["low"] / unit, spread["high"] / unit))
    return [row["title"] for row in shown], peers


def draw(results: dict, file: pathlib.Path) -> None:
    import matplotlib  # only needed here, and slow to load
    matplotlib.use("Agg")
    from matplotlib import pyplot

    titles, peers = bars(results["rows"])
    if not titles:
        raise BenchError(f"nothing to draw: no row has times of {YARDSTICK}")
    height = 0.8 / len(peers)
    figure, axes = pyplot.subplots(figsize=(9, 1.2 + 1.1 * len(titles)))
    for number, (name, entries) in enumerate(peers.items()):
        axes.barh([position + (number - (len(peers) - 1) / 2) * height for position, *_ in entries],
                  [median for _, median, _, _ in entries], height * 0.9, label=name, color=COLORS.get(name),
                  xerr=[[median - low for _, median, low, _ in entries], [high - median for _, median, _, high in entries]],
                  error_kw={"elinewidth": 0.7, "ecolor": "#52606d"})
    axes.set_yticks(range(len(titles)), titles)
    axes.invert_yaxis()
    axes.axvline(1, color="#52606d", linewidth=0.7, linestyle=":")
    axes.set_xlabel("CPU time per request, nginx = 1 (less is better); lines: range over the rounds")
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    about = results["about"]
    figure.text(0.01, 0.01, f"{about['machine']}; commit {about['commit']}", fontsize=6, color="#52606d")
    figure.savefig(file, dpi=130, bbox_inches="tight")
    pyplot.close(figure)
