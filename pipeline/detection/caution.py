"""How sure the baseline is: a limit that keeps its promise although history was short.

A baseline that looks better than it is makes false alarms frequent: of members with 500 answers at a true
15 %, one in ten would have a false alarm in 2,100 answers instead of 10,000. So the chart is made for the
worst baseline that history does not rule out: the largest tilt of it whose likelihood ratio stays within a
one-sided confidence (Wilks). Then false alarms are as rare as declared for nine members of ten. What it costs
is time to detect, and while that is too much the member is learning.

Source: of the problem, Jones, Champ and Rigdon, J. Quality Technology 36 (2004); of the limit that holds for
most members instead of on average, Gandy and Kvaløy, Scand. J. Statist. 40 (2013).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

from pipeline.detection.baseline import Baseline, smoothed
from pipeline.detection.chart import Chart
from pipeline.detection.design import Terms, terms
from pipeline.detection.tilt import Shares, log_growth, mean, tilt_to, tilted

CONFIDENCE = 0.9
"""Of so many members' baselines the true one is no worse than the chart was made for."""

_MOST_OF_THE_FALL = 0.25
_LEAST_MEAN = 0.001
_CLOSE = 1e-12
_STEPS = 60
"""Of Newton's method, which takes about six."""


@dataclass(frozen=True)
class Learning:
    """Too little history for a limit: about how many more answers it takes."""

    answers: int


def prepared(known: Baseline, tilt: float, false_alarm_every: float) -> Chart | Learning:
    """The chart for a fall of this tilt from the baseline, or how long the rule still learns.

    >>> history = Baseline(counts=(255, 45), dispersion=1.0, blocks=10, left_out=0)
    >>> prepared(history, math.log(2), 10_000)
    Learning(answers=110)
    """
    found = prepared_terms(known, tilt, false_alarm_every)
    return found if isinstance(found, Learning) else found.chart()


def prepared_terms(known: Baseline, tilt: float, false_alarm_every: float) -> Terms | Learning:
    """The terms of such a chart."""
    missing = answers_missing(known, tilt)
    if missing:
        return Learning(missing)
    worse = doubt(known)
    return terms(tilted(healthy(known), worse), tilt - worse, false_alarm_every)


def healthy(known: Baseline) -> Shares:
    """The baseline's shares; never better than 1 demerit in 1,000 answers, which no history here can tell."""
    shares = smoothed(known.counts)
    if mean(shares) >= _LEAST_MEAN:
        return shares
    return tilted(shares, tilt_to(shares, _LEAST_MEAN))


def doubt(known: Baseline) -> float:
    """By how much tilt the truth may be worse than the baseline, one-sided.

    >>> history = Baseline(counts=(850, 150), dispersion=1.0, blocks=10, left_out=0)
    >>> [round(share, 3) for share in tilted(healthy(history), doubt(history))]
    [0.835, 0.165]
    """
    shares, evidence = healthy(known), _evidence() * known.dispersion / max(1, known.answers)
    centre = mean(shares)
    tilt = 1.0
    while _surprise(shares, tilt) < evidence:
        tilt *= 2
    for _ in range(_STEPS):  # the surprise is convex: from above, each step ends above the answer
        excess = _surprise(shares, tilt) - evidence
        slope = mean(tilted(shares, tilt)) - centre
        if not excess > _CLOSE * evidence:
            break
        tilt -= excess / slope
    return tilt


def answers_missing(known: Baseline, tilt: float) -> int:
    """How many more answers until the doubt is a quarter of the fall; 0 when it is."""
    shares = healthy(known)
    needed = _evidence() * known.dispersion / _surprise(shares, tilt * _MOST_OF_THE_FALL)
    return max(0, math.ceil(needed - known.answers))


def _surprise(shares: Shares, tilt: float) -> float:
    """How much likelier, in nats an answer, these shares are by themselves than if tilted so."""
    return log_growth(shares, tilt) - tilt * mean(shares)


def _evidence() -> float:
    return NormalDist().inv_cdf(CONFIDENCE) ** 2 / 2
