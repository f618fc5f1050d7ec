"""The chart for a healthy distribution, a fall worth knowing, and the false alarms declared.

Which chart finds a fall soonest, at worst, among all with as few false alarms? The one to whose score
an answer of x demerits adds its log-likelihood ratio, tilt x - log_growth (Moustakides, Ann. Statist. 14,
1986). Here these weights are rounded to whole numbers, at least 50 to a nat, whose ratio is right to 2 % of
the fall; the limit is then the least whole number whose exact run length reaches the declared one. The
rounding makes it the chart for a fall of a slightly other size and leaves nothing approximate about its
false alarms: never oftener than declared, and rarer by a percent or so (by more where a few bad answers make
an alarm, since there are few ways to do so).
"""

import math
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from pipeline.detection.chart import Chart
from pipeline.detection.run_length import run_length
from pipeline.detection.tilt import Shares, log_growth, mean, tilted
from pipeline.errors import InputError

LEAST_TOLD_APART = 1e-4
"""Nats by which an answer tells the fall from health, at least (and less takes minutes to compute)."""


class Lattice(NamedTuple):
    """How fine scores are: at least so many to a nat, their ratio right to such a part of the fall."""

    scores_to_a_nat: int
    of_the_fall: float


_STEPS = 60
_CLOSE = 1e-9

FINE = Lattice(50, 0.02)
COARSE = Lattice(20, 0.06)


class Terms(NamedTuple):
    """What a chart is for: made only once somebody needs it."""

    healthy: Shares
    tilt: float
    false_alarm_every: float
    lattice: Lattice

    def chart(self) -> Chart:
        """The chart for them."""
        return chart_for(*self)

    def quick_chart(self) -> Chart:
        """The same, made in no time, with a limit that is too low: until a score reaches it, it does."""
        return _quick_chart(*self)


def terms(healthy: Shares, tilt: float, false_alarm_every: float, lattice: Lattice = FINE) -> Terms:
    """The terms of a chart that can be. Raises InputError where it cannot, as chart_for does.

    >>> chart_for((0.85, 0.15), 1.0, 10_000) == terms((0.85, 0.15), 1.0, 10_000).chart()
    True
    """
    if not (tilt > 0 and _told_apart(healthy, tilt) >= LEAST_TOLD_APART):
        raise InputError(
            f"a fall of {tilt:g} in log odds from {mean(healthy):g} demerits an answer is too small to find:"
            f" that takes {1 / LEAST_TOLD_APART:,.0f} answers and more; name a larger one"
        )
    if not 1 <= false_alarm_every < math.inf:
        raise InputError(
            f"a false alarm every {false_alarm_every:g} answers cannot be: give a finite number from 1"
        )
    return Terms(healthy, tilt, false_alarm_every, lattice)


@lru_cache(maxsize=4096)
def chart_for(healthy: Shares, tilt: float, false_alarm_every: float, lattice: Lattice = FINE) -> Chart:
    """The chart with one false alarm in at least so many answers, quickest to find the tilted shares.

    On a coarser lattice it is made in less time, its false alarms are as exact, and it is quickest to find
    a fall of a slightly other size.

    >>> chart = chart_for((0.85, 0.15), math.log(2), 10_000)  # odds of dissatisfaction doubled
    >>> chart.step, chart.allowance, round(chart.limit / chart.per_nat, 2)
    (54, 11, 5.51)
    >>> round(run_length(chart, (0.85, 0.15)))
    10027
    """
    terms(healthy, tilt, false_alarm_every)
    step, allowance = weights(healthy, tilt, lattice)
    return _limited(Chart(step, allowance, 1, step / tilt), healthy, false_alarm_every)


@lru_cache(maxsize=4096)
def _quick_chart(healthy: Shares, tilt: float, false_alarm_every: float, lattice: Lattice) -> Chart:
    step, allowance = weights(healthy, tilt, lattice)
    limit = least_limit(step, allowance, healthy, false_alarm_every)
    return Chart(step, allowance, limit, step / tilt)


def least_limit(step: int, allowance: int, healthy: Shares, every: float) -> int:
    """What no limit with such a run length is below: found by the run length's bound instead of itself.

    Let w > 0 make exp(w S) a martingale, S being the sum of moves from 0 until it is below 0 (by at most
    `allowance`) or at the limit h (and at most `up` beyond it). So E exp(w S) = 1, and the chance of an alarm
    is at least E[1 - exp(w S); S < 0] / (exp(w (h + up)) - 1), where 1 - exp(-w x) is at least
    x (1 - exp(-w allowance)) / allowance. The answers are at most E[-S; S < 0] / drift (Wald's identity).
    The run length is the second divided by the first, and the expectation cancels out.

    >>> least_limit(54, 11, (0.85, 0.15), 10_000), chart_for((0.85, 0.15), math.log(2), 10_000).limit
    (400, 429)
    """
    drift = allowance - step * mean(healthy)
    up = step * (len(healthy) - 1) - allowance
    w = _martingale(step, allowance, healthy)
    grown = every * drift * -math.expm1(-w * allowance) / allowance
    return max(1, math.floor(math.log1p(grown) / w) - up)


def _martingale(step: int, allowance: int, healthy: Shares) -> float:
    """The w > 0 with E exp(w (step x - allowance)) = 1, from above."""
    w = 1.0 / step
    while log_growth(healthy, w * step) < w * allowance:
        w *= 2
    for _ in range(_STEPS):  # convex: from above, each of Newton's steps ends above
        excess = log_growth(healthy, w * step) - w * allowance
        if excess < _CLOSE:
            break
        w -= excess / (step * mean(tilted(healthy, w * step)) - allowance)
    return w


def _told_apart(healthy: Shares, tilt: float) -> float:
    """The Kullback-Leibler divergence of fallen from healthy: what the score gains an answer in a fall."""
    return tilt * mean(tilted(healthy, tilt)) - log_growth(healthy, tilt)


def weights(healthy: Shares, tilt: float, lattice: Lattice = FINE) -> tuple[int, int]:
    """Step and allowance: whole numbers without a common factor (it would make limits coarser).

    >>> weights((0.5, 0.5), math.log(2))
    (41, 24)
    """
    between = log_growth(healthy, tilt) / tilt
    tolerance = lattice.of_the_fall * (mean(tilted(healthy, tilt)) - mean(healthy))
    step = math.ceil(lattice.scores_to_a_nat * tilt)
    while True:
        nearest = round(step * between)
        # its neighbours too: where `between` is nearly whole, the nearest has a common factor at every step
        for allowance in (nearest, nearest - 1, nearest + 1):
            if math.gcd(step, allowance) == 1 and abs(allowance / step - between) <= tolerance:
                return step, allowance
        step += 1


def _limited(chart: Chart, healthy: Shares, every: float) -> Chart:
    """The least limit whose run length is at least `every`: a guess, then a bracket that closes."""
    drift = log_growth(healthy, chart.step / chart.per_nat) - chart.step / chart.per_nat * mean(healthy)
    nats = _guess(every * drift)
    low, high = 0, 0
    limit = max(1, round(nats * chart.per_nat))
    while high - low != 1:
        length = run_length(replace(chart, limit=limit), healthy)
        low, high = (low, limit) if length >= every else (limit, high)
        slope = math.expm1(nats) / (math.expm1(nats) - nats)
        limit += round(chart.per_nat * math.log(every / length) / slope)
        limit = min(max(limit, low + 1), high - 1) if high else max(limit, low + 1)
    return replace(chart, limit=high)


def _guess(growth: float) -> float:
    """The h with e^h - h - 1 = growth: Wald's approximation of a run length, times the drift of an answer."""
    nats = math.log1p(growth + math.sqrt(2 * growth))
    for _ in range(20):
        nats = math.log1p(growth + nats)
    return nats
