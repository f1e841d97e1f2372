"""The results as a picture: each scenario's ratio to Socket.IO on Node."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.results import TIMES, Results, times
from benchmarks.thresholds import YARDSTICK

COLOURS = {"windsock": "#0f766e", "python-socketio": "#9ca3af", "forced": "#d97706"}
BAR = 0.8  # share of a scenario's height that its bars take together


def draw(results: Results, path: Path) -> None:
    """Write horizontal bars on a logarithmic scale, one group a scenario, as SVG.

    Memory, where less is better, is drawn as its inverse, so that longer is better everywhere.
    """
    names = [name for name in results.servers if name != YARDSTICK]
    rows = [row for row in results.rows if any(row.find_ratio(name) for name in names)]
    if not rows:
        return
    # A fixed salt and no date: the same figures make the same file.
    mpl.rcParams["svg.hashsalt"] = "benchmark"
    mpl.rcParams["svg.fonttype"] = "none"
    figure = Figure(figsize=(9, 1 + 0.62 * len(rows)), layout="constrained")
    axes = figure.subplots()
    height = BAR / len(names)
    for position, name in enumerate(names):
        places, lengths, labels = [], [], []
        for index, row in enumerate(rows):
            ratio = row.find_ratio(name)
            if ratio is None or ratio <= 0:
                continue
            places.append(index + (position - (len(names) - 1) / 2) * height)
            lengths.append(1 / ratio if row.scenario.lower_is_better else ratio)
            labels.append(times(lengths[-1]))
        # From the yardstick's 1 to the right where faster, to the left where slower.
        widths = [length - 1 for length in lengths]
        bars = axes.barh(places, widths, height, left=1, label=results.servers[name], color=COLOURS.get(name))
        axes.bar_label(bars, labels, fontsize=8, padding=2)
    axes.axvline(1, color="#111827", linewidth=1)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}{TIMES}")
    axes.xaxis.set_minor_formatter(lambda value, _: "")
    axes.set_yticks(range(len(rows)), [row.scenario.title for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel("times Socket.IO on Node; memory as its inverse, so that right is better")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower right", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})
