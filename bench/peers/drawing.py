"""The chart of docs/peers.md: CPU seconds per million events, a bar each."""

import sys
from collections.abc import Mapping
from pathlib import Path

from bench.peers.contest import REPLAY, WORKER
from bench.peers.outcome import Standing
from bench.peers.report import dearest_first, shown

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
except ImportError:
    sys.exit("bench: matplotlib is not installed: pip install --editable '.[bench]'")

OURS, THEIRS = "#0b6e4f", "#8a9ba8"


def draw(found: Mapping[str, Standing], path: Path) -> None:
    """An SVG on white, so that it reads on dark pages too; the same bytes for the same figures."""
    mpl.rcParams.update({"svg.hashsalt": "firsthand", "font.size": 9})
    seconds = {name: cpu[0] for name in dearest_first(found) if (cpu := found[name].cpu)}
    figure = Figure(figsize=(8, 0.6 + 0.38 * max(len(seconds), 2)), layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(
        [shown(name) for name in seconds],
        list(seconds.values()),
        color=[OURS if name in (WORKER, REPLAY) else THEIRS for name in seconds],
    )
    axes.bar_label(bars, [_label(found[name]) for name in seconds], padding=4)
    axes.set_xscale("log")
    axes.set_xlim(1, 3 * max(seconds.values(), default=1))
    axes.invert_yaxis()
    axes.set_xlabel("CPU seconds per million events, log scale; and times the consumer written by hand")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _label(standing: Standing) -> str:
    ratio = f"   ({standing.ratio[0]:.1f} times)" if standing.ratio else ""
    return f"{standing.cpu[0]:.1f}{ratio}" if standing.cpu else ""
