"""How many answers a chart takes until it alarms, on average: exactly, by its Markov chain.

The score before an alarm is one of 0 to limit - 1. A(s, t) is the chance to go from s to t in one answer
without touching the floor of 0; then from (I - A) one gets the answers until the floor or the limit, and the
chance that it was the limit. The run length from 0 is the first divided by the second. No subtraction of like
numbers occurs, so it is right to about 12 digits. I - A is a banded Toeplitz matrix. Levinson's recursion
solves it in a time of limit squared. Where the band is narrow beside the limit, elimination in it is quicker:
0.5 ms instead of 2.5 at a limit of 1,000 and jumps of 23 and 11 (in a wide one it starts threads).
Source: Brook and Evans, Biometrika 59 (1972); Kemp, J. R. Statist. Soc. B 33 (1971); for shares, Reynolds and
Stoumbos, J. Quality Technology 31 (1999).

"Run length" is the field's word (average run length, ARL). Answers are taken to be independent of each other,
and their shares constant.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded, solve_toeplitz

from pipeline.detection.chart import Chart
from pipeline.detection.tilt import Shares

Vector = NDArray[np.float64]

WIDEST_BAND = 100
LEAST_BANDED = 250
"""The limit from which on elimination in a band was quicker."""


def run_length(chart: Chart, shares: Shares) -> float:
    """Answers until the alarm, on average, from a score of 0.

    >>> one_bad_answer = Chart(step=2, allowance=1, limit=1, per_nat=1)
    >>> run_length(one_bad_answer, (0.75, 0.25))
    4.0
    >>> two_in_a_row = Chart(step=3, allowance=2, limit=2, per_nat=1)  # 1/p + 1/p^2
    >>> run_length(two_in_a_row, (0.5, 0.5))
    6.0
    """
    return float(run_lengths(chart, shares)[0])


def run_lengths(chart: Chart, shares: Shares) -> Vector:
    """The same from each score below the limit; infinite where no answer raises the score."""
    jumps = list(_jumps(chart, shares))
    if all(jump <= 0 for jump, _ in jumps):
        return np.full(chart.limit, np.inf)
    over = np.zeros(chart.limit)
    for jump, share in jumps:
        if jump > 0:
            over[max(0, chart.limit - jump) :] += share
    answers, alarmed = _solved(chart, jumps, [np.ones(chart.limit), over])
    return np.asarray(answers + (1 - alarmed) * answers[0] / alarmed[0])


def long_run(chart: Chart, shares: Shares) -> Vector:
    """The share of time that the score spends at each value, where it starts at 0 again after an alarm."""
    jumps = list(_jumps(chart, shares))
    start = np.zeros(chart.limit)
    start[0] = 1
    mirrored = [(-jump, share) for jump, share in jumps]
    (visits,) = _solved(chart, mirrored, [start])
    return np.asarray(visits / visits.sum())


def delay(chart: Chart, before: Shares, after: Shares) -> float:
    """Answers until the alarm, on average, where the change comes at no particular moment (steady state)."""
    return float(long_run(chart, before) @ run_lengths(chart, after))


def _jumps(chart: Chart, shares: Shares) -> Iterator[tuple[int, float]]:
    for demerits, share in enumerate(shares):
        if share > 0:
            yield chart.step * demerits - chart.allowance, share


def _solved(chart: Chart, jumps: list[tuple[int, float]], sides: list[Vector]) -> list[Vector]:
    """(I - A) x = side, for each side; every diagonal of A holds one share."""
    diagonals = {jump: share for jump, share in jumps if abs(jump) < chart.limit}
    up, down = max([0, *diagonals]), -min([0, *diagonals])
    if up + down <= WIDEST_BAND and chart.limit >= LEAST_BANDED:
        band = np.zeros((up + down + 1, chart.limit))
        band[up] = 1
        for jump, share in diagonals.items():
            band[up - jump] -= share
        return list(solve_banded((down, up), band, np.stack(sides, axis=1)).T)
    column, row = np.zeros((2, chart.limit))
    column[0] = row[0] = 1
    for jump, share in diagonals.items():
        if jump >= 0:
            row[jump] -= share
        if jump <= 0:
            column[-jump] -= share
    return [solve_toeplitz((column, row), side) for side in sides]
