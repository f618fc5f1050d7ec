"""What is healthy: the demerits of settled history, without its incidents.

Days are joined into blocks of enough answers for a mean that means something. Blocks whose mean lies further
from the median block than 2.5 standard deviations, by chance or by what blocks usually differ (whichever is
more), are left out, above and below alike: to leave out bad ones alone would make the baseline too good.
The median holds where up to half of the blocks are an incident. What is kept is pooled.

`dispersion`: days differ by more than chance (weekdays, campaigns). It is the variance of the kept blocks'
means divided by what independent answers would give, at least 1 (Pearson's chi-square by its degrees of
freedom); so many answers tell as much as one independent answer does.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from operator import mul
from statistics import median

from pipeline.detection.tilt import Shares, mean
from pipeline.errors import InputError

_LEAST_ANSWERS = 20
_LEAST_DEMERITS = 5
_BLOCKS = 10
_TOO_FAR = 2.5
_MAD_TO_SD = 1.4826

Counts = tuple[int, ...]
"""Answers with 0, 1, 2... demerits."""


@dataclass(frozen=True)
class Baseline:
    """Answers by demerits of the blocks kept, how much blocks vary beyond chance, and how many there were."""

    counts: Counts
    dispersion: float
    blocks: int
    left_out: int

    @property
    def answers(self) -> int:
        """The answers kept."""
        return sum(self.counts)


def baseline(days: Iterable[Counts]) -> Baseline:
    """From the counts of each day, oldest first; a day may be any stretch, such as an hour.

    Raises InputError where no answer can be worse than another, as of durations that never differ.

    >>> baseline([(85, 15)] * 9 + [(40, 60)])
    Baseline(counts=(765, 135), dispersion=1.0, blocks=9, left_out=1)
    """
    given = list(days)
    if given and len(given[0]) == 1:
        raise InputError("all answers of history are alike: none can be told to be worse; use kind threshold")
    blocks = _blocks([day for day in given if sum(day)])
    if not blocks:
        return Baseline((0,) * len(given[0]) if given else (0, 0), 1.0, 0, 0)
    usual = _usual(blocks)
    counts = _pooled(usual)
    return Baseline(counts, _dispersion(usual, counts), len(usual), len(blocks) - len(usual))


def smoothed(counts: Counts) -> Shares:
    """The shares, with half an answer added to each: nothing is impossible for never having been seen.

    >>> smoothed((3, 0))
    (0.875, 0.125)
    """
    total = sum(counts) + len(counts) / 2
    return tuple((count + 0.5) / total for count in counts)


def _blocks(days: Sequence[Counts]) -> list[Counts]:
    if not days:
        return []
    pooled = smoothed(_pooled(days))
    rarer = min(mean(pooled), len(pooled) - 1 - mean(pooled))
    most = max(_LEAST_ANSWERS, sum(map(sum, days)) / _BLOCKS)
    enough = min(max(_LEAST_ANSWERS, _LEAST_DEMERITS / rarer), most)
    joined: list[list[Counts]] = [[]]
    answers = 0
    for day in days:
        if answers >= enough:
            joined.append([])
            answers = 0
        joined[-1].append(day)
        answers += sum(day)
    if len(joined) > 1 and answers < enough:
        too_few = joined.pop()
        joined[-1] += too_few
    return [_pooled(each) for each in joined]


def _usual(blocks: list[Counts]) -> list[Counts]:
    """Without those too far off, and again, since what is left shows the rest more clearly."""
    while True:
        means = [_mean(block) for block in blocks]
        centre = median(means)
        far = [abs(each - centre) * math.sqrt(sum(block)) for each, block in zip(means, blocks, strict=True)]
        by_chance = math.sqrt(_variance(_pooled(blocks)))
        at_most = _TOO_FAR * max(by_chance, _MAD_TO_SD * median(far))
        usual = [block for block, off in zip(blocks, far, strict=True) if off <= at_most]
        if len(usual) in (0, len(blocks)):
            return blocks
        blocks = usual


def _dispersion(blocks: Sequence[Counts], pooled: Counts) -> float:
    if len(blocks) < 2:  # noqa: PLR2004 - one block has nothing to differ from
        return 1.0
    centre = _mean(pooled)
    squares = math.fsum(sum(block) * (_mean(block) - centre) ** 2 for block in blocks)
    return max(1.0, squares / _variance(pooled) / (len(blocks) - 1))


def _pooled(blocks: Sequence[Counts]) -> Counts:
    return tuple(map(sum, zip(*blocks, strict=True)))


def _mean(counts: Counts) -> float:
    demerits: int = sum(map(mul, count(), counts))
    return demerits / sum(counts)


def _variance(counts: Counts) -> float:
    shares = smoothed(counts)
    centre = mean(shares)
    return math.fsum(share * (x - centre) ** 2 for x, share in enumerate(shares))
