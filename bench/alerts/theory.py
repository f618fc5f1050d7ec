"""The computed run lengths against published ones and against simulation."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.alerts.streams import run_lengths
from pipeline.detection.chart import Chart
from pipeline.detection.run_length import run_length
from pipeline.detection.tilt import log_growth


@dataclass(frozen=True)
class Point:
    """A healthy share, a limit in nats, the share that truly is, and the run length known for it."""

    healthy: float
    nats: float
    true: float
    published: float
    source: str


_ISSUE = "reference"
POINTS = (
    Point(0.15, 5.62, 0.15, 10_035, _ISSUE),
    Point(0.15, 5.62, 0.18, 1_202, _ISSUE),
    Point(0.15, 5.62, 0.20, 479, _ISSUE),
    Point(0.15, 5.62, 0.25, 140, _ISSUE),
    Point(0.15, 5.62, 0.30, 78, _ISSUE),
    Point(0.15, 5.62, 0.40, 41, _ISSUE),
    Point(0.50, 6.00, 0.50, 8_900, "Neuburger et al., table 1"),
)
ODDS_RATIO = 2.0
STEPS = range(200, 600)


@dataclass(frozen=True)
class Held:
    """A point with the run length computed, the one simulated, and its standard error."""

    point: Point
    computed: float
    simulated: float
    error: float


def held(points: Sequence[Point], runs: int) -> Iterator[Held]:
    """Every point computed, and simulated in so many runs."""
    for point in points:
        chart = reference_chart(point.healthy, ODDS_RATIO, point.nats)
        lengths = run_lengths(chart, runs, point.true)
        yield Held(
            point,
            run_length(chart, (1 - point.true, point.true)),
            float(lengths.mean()),
            float(lengths.std() / math.sqrt(runs)),
        )


def reference_chart(healthy: float, odds_ratio: float, nats: float) -> Chart:
    """The log-likelihood ratio nearly as it is: of many steps the one that an allowance suits best."""
    tilt = math.log(odds_ratio)
    between = log_growth((1 - healthy, healthy), tilt) / tilt
    step = min(STEPS, key=lambda step: abs(round(step * between) / step - between))
    return Chart(step, round(step * between), math.ceil(nats * step / tilt), step / tilt)
