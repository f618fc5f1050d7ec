"""What a fall is: the healthy distribution of demerits, tilted towards the bad end.

Tilted by t, every answer with x demerits becomes exp(t x) times as likely, and the whole is divided by its
sum. Of all distributions with that mean the tilted one is nearest to the healthy one (least Kullback-Leibler
divergence), so it is the fall that is hardest to tell from chance; and the chart made for it (design.py) adds
up demerits alone, so that it climbs as fast at any other fall to that mean. For a share, exp(t) is the odds
ratio. Source: Siegmund, Sequential Analysis (1985); Csiszar, Ann. Probab. 3 (1975), on the nearest one.
"""

import math
from collections.abc import Sequence
from itertools import count
from operator import mul

from pipeline.errors import InputError

Shares = tuple[float, ...]
"""The share of answers with 0, 1, 2... demerits."""

_BISECTIONS = 80
_WIDEST = 64.0


def mean(shares: Sequence[float]) -> float:
    """Demerits per answer.

    >>> mean((0.75, 0.25)), mean((0.5, 0.0, 0.5))
    (0.25, 1.0)
    """
    return math.fsum(map(mul, count(), shares))


def log_growth(shares: Sequence[float], tilt: float) -> float:
    """The logarithm of what the tilted shares are divided by (the cumulant generating function).

    >>> round(log_growth((0.5, 0.5), math.log(3)), 6) == round(math.log(2), 6)
    True
    """
    highest = max(0.0, tilt * (len(shares) - 1))
    return highest + math.log(
        math.fsum(share * math.exp(tilt * x - highest) for x, share in enumerate(shares))
    )


def tilted(shares: Sequence[float], tilt: float) -> Shares:
    """The shares after a change of this size; a negative tilt is an improvement.

    >>> [round(share, 6) for share in tilted((0.75, 0.25), math.log(3))]  # odds of 1 to 3 become 3 to 3
    [0.5, 0.5]
    """
    growth = log_growth(shares, tilt)
    return tuple(share * math.exp(tilt * x - growth) for x, share in enumerate(shares))


def tilt_to(shares: Sequence[float], mean_demerits: float) -> float:
    """The tilt that brings the mean there: how a target such as "csat of 70 %" becomes a size of change.

    >>> round(math.exp(tilt_to((0.75, 0.25), 0.5)), 6)
    3.0
    """
    worst = max(x for x, share in enumerate(shares) if share > 0)
    best = min(x for x, share in enumerate(shares) if share > 0)
    if not best < mean_demerits < worst:
        raise InputError(
            f"a mean of {mean_demerits:g} demerits cannot be had from answers of {best} to {worst}:"
            " name a target between what history holds"
        )
    low, high = -_WIDEST, _WIDEST
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean(tilted(shares, middle)) < mean_demerits else (low, middle)
    return (low + high) / 2
