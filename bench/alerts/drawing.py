"""The chart of the README: answers until a fall is known, by how far it is."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.alerts.contenders import EVERY, HEALTHY, Contender
from bench.alerts.streams import Delay

try:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter
except ImportError:
    sys.exit("bench: matplotlib is not installed: pip install --editable '.[bench]'")


def draw(found: Mapping[Contender, Sequence[Delay]], shares: Sequence[float], path: Path) -> None:
    """An SVG, the same bytes for the same figures."""
    mpl.rcParams.update({"svg.hashsalt": "firsthand", "font.size": 9})
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.add_subplot()
    for contender, delays in found.items():
        if contender.drawn:
            ours = contender.name.startswith("**")
            axes.plot(
                [100 * share for share in shares],
                [delay.answers for delay in delays],
                label=contender.name.replace("*", "").replace("`", ""),
                marker="o",
                markersize=4,
                linewidth=3 if ours else 1.2,
                zorder=3 if ours else 2,
            )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_xlabel(f"dissatisfied, % (healthy: {100 * HEALTHY:.0f} %)")
    axes.set_ylabel("answers until the alarm, mean")
    axes.set_title(f"At the same false alarms: one in {EVERY:,} healthy answers")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, format="svg", metadata={"Date": None})
