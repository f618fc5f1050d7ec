"""A CUSUM chart: a score that rises with demerits, falls with answers, and alarms at a limit.

After an answer of x demerits the score S becomes max(0, S + step x - allowance); at `limit` it alarms.
All three are whole numbers, so a score is the same whatever computed it, and its run length can be computed
exactly (run_length.py). Divided by `per_nat` it is the usual log-likelihood ratio of fallen to healthy, in
natural logarithms. Source: Page, Continuous inspection schemes, Biometrika 41 (1954).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Chart:
    """What each demerit adds, what each answer takes, and where it alarms.

    >>> chart = Chart(step=5, allowance=1, limit=8, per_nat=7.2)
    >>> chart.after(0, 0), chart.after(0, 1), chart.after(6, 1)
    (0, 4, 10)
    """

    step: int
    allowance: int
    limit: int
    per_nat: float

    def after(self, score: int, demerits: int) -> int:
        """The score after one more answer."""
        return max(0, score + self.step * demerits - self.allowance)


@dataclass(frozen=True)
class Watch:
    """Where a chart stands, and the answers since its score was last 0.

    The answer after the last 0 is the likeliest first one of a fall (maximum likelihood), so at an alarm
    `first` says since which answer, numbered from 0, and `answers` and `demerits` are the counts since.
    """

    score: int = 0
    seen: int = 0
    answers: int = 0
    demerits: int = 0

    @property
    def first(self) -> int:
        """The number of the first answer since the score was last 0."""
        return self.seen - self.answers

    def after(self, chart: Chart, demerits: int) -> "Watch":
        """One more answer.

        >>> chart = Chart(step=5, allowance=1, limit=8, per_nat=7.2)
        >>> watch = Watch()
        >>> for demerits in (0, 1, 0, 1):
        ...     watch = watch.after(chart, demerits)
        >>> watch, watch.first
        (Watch(score=7, seen=4, answers=3, demerits=2), 1)
        """
        score = chart.after(self.score, demerits)
        if score == 0:
            return Watch(seen=self.seen + 1)
        return Watch(score, self.seen + 1, self.answers + 1, self.demerits + demerits)


def scores(chart: Chart, demerits: Sequence[int] | NDArray[np.int64], score: int = 0) -> NDArray[np.int64]:
    """The score after each answer, of a chart that nothing resets; `score` is that before the first.

    >>> scores(Chart(step=5, allowance=1, limit=8, per_nat=7.2), [0, 1, 0, 1]).tolist()
    [0, 4, 3, 7]
    """
    walk = score + np.cumsum(chart.step * np.asarray(demerits, np.int64) - chart.allowance, axis=-1)
    return walk - np.minimum(0, np.minimum.accumulate(walk, axis=-1))


def first_alarm(
    chart: Chart, demerits: Sequence[int] | NDArray[np.int64], watch: Watch | None = None
) -> Watch | None:
    """Where the chart stands at its first alarm in these answers; None where there is none.

    >>> first_alarm(Chart(step=5, allowance=1, limit=8, per_nat=7.2), [0, 1, 0, 1, 1, 0])
    Watch(score=11, seen=5, answers=4, demerits=3)
    """
    watch = watch or Watch()
    given = np.asarray(demerits, np.int64)
    after = scores(chart, given, watch.score)
    (alarms,) = np.nonzero(after >= chart.limit)
    if not alarms.size:
        return None
    at = int(alarms[0])
    (zeros,) = np.nonzero(after[:at] == 0)
    seen, score = watch.seen + at + 1, int(after[at])
    if zeros.size:
        since = int(zeros[-1]) + 1
        return Watch(score, seen, at + 1 - since, int(given[since : at + 1].sum()))
    return Watch(score, seen, watch.answers + at + 1, watch.demerits + int(given[: at + 1].sum()))
