"""Waits and handling times as demerits: how many of the baseline's quantiles one exceeds.

The mean of seconds is no thing for a chart to watch: one call left open over night moves it. Ranks do not
care. Cut at the baseline's deciles, a healthy duration has 0 to 9 demerits, each as often as the next
whatever the distribution, and false alarms are as rare as declared for any. With a single cut at the ninth
decile it would be the share of waits "longer than one in ten used to be". Source: Bakir and Reynolds,
Technometrics 21 (1979), on rank CUSUMs; here against a fixed baseline, which keeps answers independent.
"""

from bisect import bisect_left
from collections.abc import Sequence

from pipeline.detection.tilt import Shares, mean, tilt_to

DECILES = 10


def cuts(durations: Sequence[float], parts: int = DECILES) -> tuple[float, ...]:
    """The quantiles that divide the baseline; fewer where many durations are equal.

    Of n durations the one at part / parts is the first that so many are not longer than.

    >>> cuts([10, 20, 30, 40], parts=2), cuts([0, 0, 0, 5], parts=4), cuts([10, 20, 30], parts=4)
    ((20,), (0,), (10, 20))
    """
    ordered = sorted(durations)
    chosen = {ordered[-(-len(ordered) * part // parts) - 1] for part in range(1, parts)}
    return tuple(sorted(cut for cut in chosen if cut < ordered[-1]))


def demerits(duration: float, at: Sequence[float]) -> int:
    """How many cuts it is longer than.

    >>> [demerits(seconds, (20, 40)) for seconds in (20, 21, 400)]
    [0, 1, 2]
    """
    return bisect_left(at, duration)


def counts(durations: Sequence[float], at: Sequence[float]) -> tuple[int, ...]:
    """Durations by demerits: a day of the baseline (baseline.py).

    >>> counts([5, 20, 21, 400], (20, 40))
    (2, 1, 1)
    """
    found = [0] * (len(at) + 1)
    for duration in durations:
        found[demerits(duration, at)] += 1
    return tuple(found)


def tilt_of(healthy: Shares, durations: Sequence[float], at: Sequence[float], ratio: float) -> float:
    """The tilt of a change that makes every duration so many times as long, such as 1.2.

    >>> round(tilt_of((0.25, 0.25, 0.25, 0.25), [10, 20, 30, 40], (10, 20, 30), 1.5), 2)
    0.67
    """
    slower = counts([ratio * duration for duration in durations], at)
    total = sum(slower)
    return tilt_to(healthy, mean([count / total for count in slower]))
