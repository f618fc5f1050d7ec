"""The judge's durations: which class one is of, where a history of them is cut, how slow slower ones are.

A class is an eighth of an octave: classes begin at the whole milliseconds nearest to 2 ** (n / 8). All of a
class are alike; where they are added up, each is taken for the middle of its class.
"""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EIGHTHS = 272
BEGINNINGS = sorted({round(2 ** (eighth / 8)) for eighth in range(EIGHTHS)})
"""The last is longer than any duration that an event may name."""
TENTHS = range(1, 10)


def class_of(milliseconds: float) -> int:
    """0 for none, 1 for one millisecond, and so on."""
    return bisect_right(BEGINNINGS, milliseconds)


def middle_ms(of: int) -> Fraction:
    return Fraction(BEGINNINGS[of - 1] + BEGINNINGS[of], 2) if of else Fraction(0)


def cuts(durations_ms: Sequence[int]) -> tuple[int, ...]:
    """The class that each tenth of the history ends in, without the slowest: nothing is slower."""
    classes = sorted(map(class_of, durations_ms))
    ends = {classes[-(-len(classes) * tenth // 10) - 1] for tenth in TENTHS}
    return tuple(sorted(end for end in ends if end < classes[-1]))


def demerits(milliseconds: float, at: Sequence[int]) -> int:
    """How many tenths of history it is longer than."""
    return sum(class_of(milliseconds) > cut for cut in at)


def usual_ms(durations_ms: Sequence[int]) -> Fraction:
    return sum((middle_ms(class_of(each)) for each in durations_ms), Fraction(0)) / len(durations_ms)


def demerits_at(mean_s: float, durations_ms: Sequence[int], at: Sequence[int]) -> float:
    """Demerits an answer if all of history were slower alike, so that it took this long on average."""
    ratio = float(mean_s) * 1000 / float(usual_ms(durations_ms))
    slower = [demerits(float(middle_ms(class_of(each))) * ratio, at) for each in durations_ms]
    return float(Fraction(sum(slower), len(slower)))
