"""Why means have no Gaussian chart here: what a limit from the normal distribution truly does to scores."""

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist

from pipeline.detection.chart import Chart
from pipeline.detection.design import chart_for
from pipeline.detection.run_length import run_length
from pipeline.detection.tilt import Shares, mean, tilt_to

_REACH = 8
_PARTS = 40

KINDS: dict[str, Shares] = {
    "csat, 1 to 5": (0.46, 0.28, 0.12, 0.05, 0.09),
    "effort, 1 to 7": (0.27, 0.22, 0.18, 0.12, 0.08, 0.06, 0.07),
    "nps, +1, 0, -1": (0.55, 0.25, 0.20),
    "waits by decile": (0.1,) * 10,
}
"""Shares of demerits as they are about usual: the best answer is the commonest."""


@dataclass(frozen=True)
class Score:
    """A metric's demerits, and answers between false alarms: by a Gaussian limit, by the tilted chart."""

    name: str
    gaussian: float
    tilted: float


def score(name: str, shares: Shares, change: float, declared: float) -> Score:
    """Both charts made for a rise of the mean by `change` standard deviations."""
    middle = mean(shares)
    deviation = math.sqrt(math.fsum(share * (x - middle) ** 2 for x, share in enumerate(shares)))
    tilt = tilt_to(shares, middle + change * deviation)
    exact = run_length(chart_for(shares, tilt, declared), shares)
    return Score(name, _gaussian(shares, middle, deviation, change, declared), exact)


def _gaussian(shares: Shares, middle: float, deviation: float, change: float, declared: float) -> float:
    """The limit is right for normal answers in steps of 1/40 of a deviation; then scores come instead."""
    normal = gaussian_shares()
    tilt = change / _PARTS
    limit = chart_for(normal, tilt, declared).limit
    step = chart_for(normal, tilt, declared).step
    scale = step * _PARTS / deviation
    return run_length(
        Chart(round(scale), round(scale * (middle + change / 2 * deviation)), limit, 1.0), shares
    )


def gaussian_shares() -> Shares:
    """A standard normal distribution in steps of 1/40, from -8 to 8."""
    normal = NormalDist()
    edges = [(n - 0.5) / _PARTS for n in range(-_REACH * _PARTS, _REACH * _PARTS + 2)]
    found = [normal.cdf(high) - normal.cdf(low) for low, high in pairwise(edges)]
    return tuple(share / math.fsum(found) for share in found)
