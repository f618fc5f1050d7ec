"""What the promise rests on: a share that stays. How often charts alarm where days differ of themselves."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bench.alerts.streams import SEED
from pipeline.detection.baseline import baseline
from pipeline.detection.caution import Learning, prepared
from pipeline.detection.chart import Chart

ANSWERS_A_DAY = 200
DAYS_OF_HISTORY = 28


def days(draws: np.random.Generator, share: float, points: float, streams: int) -> NDArray[np.float64]:
    """A day's shares, normal with a standard deviation of so many percentage points."""
    return np.clip(draws.normal(share, points / 100, streams), 0, 1)


def charts_from_history(share: float, points: float, tilt: float, every: float, number: int) -> list[Chart]:
    """Each from 28 such days of its own; those still learning are left out."""
    draws = np.random.default_rng(SEED + 5)
    made = []
    for _ in range(number):
        bad = draws.binomial(ANSWERS_A_DAY, days(draws, share, points, DAYS_OF_HISTORY))
        known = baseline([(ANSWERS_A_DAY - each, each) for each in bad.tolist()])
        chart = prepared(known, tilt, every)
        if not isinstance(chart, Learning):
            made.append(chart)
    return made


def answers_between_alarms(
    charts: Sequence[Chart], share: float, points: float, streams: int, simulated_days: int
) -> float:
    """Of all streams together, which have the charts in turn."""
    draws = np.random.default_rng(SEED + 4)
    charts = [charts[n % len(charts)] for n in range(streams)]
    steps, allowances, limits = (
        np.array([getattr(chart, name) for chart in charts]) for name in ("step", "allowance", "limit")
    )
    score = np.zeros(streams, np.int64)
    alarms = 0
    for _ in range(simulated_days):
        today = days(draws, share, points, streams)
        for _ in range(ANSWERS_A_DAY):
            bad = draws.random(streams) < today
            score = np.maximum(0, score + np.where(bad, steps, 0) - allowances)
            alarmed = score >= limits
            alarms += int(alarmed.sum())
            score[alarmed] = 0
    return streams * simulated_days * ANSWERS_A_DAY / alarms if alarms else math.inf
