"""Chance that is the same everywhere: whole numbers made from PCG64's raw bits.

NumPy promises the bits of a bit generator for good, and the methods of `Generator` only within one
build. So nothing here calls them, and nothing computes a logarithm or an exponential in bulk: all
draws are integer arithmetic or a comparison, and skewed shapes are read off a table of integers.
"""

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_STEPS = 1024
_QUARTER_BITS = 0xFFFF
_QUARTERS_SPREAD = 37_837  # the standard deviation of a sum of four 16-bit draws


def cumulative(weights: list[list[int]]) -> Ints:
    """Rows of weights as running totals, the form in which `Draws.choose` reads them.

    >>> cumulative([[1, 2], [5, 0]]).tolist()
    [[1, 3], [5, 5]]
    """
    return np.cumsum(np.array(weights, dtype=np.int64), axis=1)


def skewed(sigma: float) -> Ints:
    """Quantiles of a log-normal shape with median 1000, to be read by `Draws.stretch`.

    Rounded to whole numbers, so that a libm's last digit cannot show in an event.

    >>> table = skewed(0.5)
    >>> int(table[512]), int(table[0]) < 250, int(table[-1]) > 4000
    (1000, True, True)
    """
    normal = NormalDist()
    places = [min(max(step, 0.5), _STEPS - 0.5) / _STEPS for step in range(_STEPS + 1)]
    return np.array(
        [round(1000 * math.exp(sigma * normal.inv_cdf(place))) for place in places], dtype=np.int64
    )


class Draws:
    """A seeded row of dice: every method takes how many are asked for and moves the row on.

    >>> Draws(7).below(6, 4).tolist() == Draws(7).below(6, 4).tolist()
    True
    """

    def __init__(self, seed: int) -> None:
        self._bits = np.random.PCG64(seed)

    def _raw(self, count: int) -> Ints:
        return (self._bits.random_raw(count) >> np.uint64(1)).astype(np.int64)

    def below(self, limit: int | Ints, count: int) -> Ints:
        """Whole numbers from 0 to limit - 1, each as likely as the next."""
        return self._raw(count) % limit

    def between(self, low: int, high: int, count: int) -> Ints:
        """Whole numbers from low to high, both included."""
        return low + self.below(high - low + 1, count)

    def happens(self, share: float | npt.NDArray[np.float64], count: int) -> Flags:
        """Draw true for about that share (0 to 1, one for all or one for each)."""
        return np.asarray(self.below(1 << 53, count) < np.asarray(share) * float(1 << 53))

    def choose(self, table: Ints, row: Ints) -> Ints:
        """For each entry of `row`, a column of that row of a `cumulative` table, by weight."""
        options = table[row]
        point = self._raw(len(row)) % options[:, -1]
        return np.asarray((point[:, None] >= options).sum(axis=1))

    def pick(self, totals: Ints, count: int) -> Ints:
        """As `choose` with one row for all, fast where the row is long."""
        return np.searchsorted(totals, self.below(int(totals[-1]), count), side="right")

    def noise(self, spread: int, count: int) -> Ints:
        """Bell-shaped whole numbers around 0 with that standard deviation."""
        raw = self._bits.random_raw(count)
        quarters = sum(
            ((raw >> np.uint64(16 * i)) & np.uint64(_QUARTER_BITS)).astype(np.int64) for i in range(4)
        )
        return np.asarray((quarters - 2 * _QUARTER_BITS) * spread // _QUARTERS_SPREAD)

    def stretch(self, medians: Ints, tables: Ints, row: Ints) -> Ints:
        """`medians` times a factor of the `skewed` shape in `tables[row]`, between the steps as well."""
        raw = self._raw(len(row))
        step, part = raw % _STEPS, (raw >> 20) & 0xFF
        low, high = tables[row, step], tables[row, step + 1]
        return np.asarray(medians * (256 * low + (high - low) * part) // 256_000)
