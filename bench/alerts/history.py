"""What a short history does to false alarms, and what a limit made with caution costs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.alerts.streams import SEED
from pipeline.detection.baseline import Baseline
from pipeline.detection.caution import answers_missing, doubt, healthy
from pipeline.detection.design import chart_for
from pipeline.detection.run_length import run_length
from pipeline.detection.tilt import tilted


@dataclass(frozen=True)
class Members:
    """Members whose charts come from so many answers of history each, all truly alike.

    `kept`: of them, the share with no more false alarms than declared. `every`: answers between false
    alarms of all together. `delay`: answers until a fall of the size asked is known, in the middle of them.
    """

    answers: int
    learning: float
    kept_as_is: float
    every_as_is: float
    kept: float
    every: float
    delay: float


def members(answers: int, share: float, tilt: float, declared: float, number: int) -> Members:
    """Each with a history drawn for it; the run lengths under the true share are computed, not simulated."""
    truly, fallen = (1 - share, share), tilted((1 - share, share), tilt)
    as_is, careful, delays, learning = [], [], [], 0
    for bad in np.random.default_rng(SEED + 3).binomial(answers, share, number):
        known = Baseline((answers - int(bad), int(bad)), 1.0, 10, 0)
        learning += answers_missing(known, tilt) > 0
        as_is.append(run_length(chart_for(healthy(known), tilt, declared), truly))
        worse = doubt(known)
        chart = chart_for(tilted(healthy(known), worse), max(0.1, tilt - worse), declared)
        careful.append(run_length(chart, truly))
        delays.append(run_length(chart, fallen))
    return Members(
        answers,
        learning / number,
        _kept(as_is, declared),
        _together(as_is),
        _kept(careful, declared),
        _together(careful),
        float(np.median(delays)),
    )


def _kept(lengths: Sequence[float], declared: float) -> float:
    return sum(length >= declared for length in lengths) / len(lengths)


def _together(lengths: Sequence[float]) -> float:
    return len(lengths) / math.fsum(1 / length for length in lengths)
