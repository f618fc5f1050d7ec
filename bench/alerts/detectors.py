"""Detectors of a rise in the share of bad answers, each over many independent streams at once.

`update` takes the next answer of every stream (True: bad) and tells which alarm; a stream that alarmed is
then to be restarted, as if nothing had been seen.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.detection.chart import Chart

Flags = NDArray[np.bool_]


class Detector(Protocol):
    """What the measurements need of one."""

    def update(self, bad: Flags) -> Flags:
        """The streams that alarm at this answer."""
        ...

    def restart(self, which: Flags) -> None:
        """Forget everything about these streams."""
        ...


class Cusum:
    """firsthand's."""

    def __init__(self, streams: int, chart: Chart) -> None:
        self._chart = chart
        self._score = np.zeros(streams, np.int64)

    def update(self, bad: Flags) -> Flags:
        self._score += np.where(bad, self._chart.step - self._chart.allowance, -self._chart.allowance)
        np.maximum(self._score, 0, out=self._score)
        return self._score >= self._chart.limit

    def restart(self, which: Flags) -> None:
        self._score[which] = 0


class Window:
    """At least `most` bad ones among the last `size`, for `held` answers in a row; a window must be full."""

    def __init__(self, streams: int, size: int, most: int, held: int = 1) -> None:
        self._last = np.zeros((size, streams), np.bool_)
        self._at = 0
        self._count = np.zeros(streams, np.int64)
        self._seen = np.zeros(streams, np.int64)
        self._row = np.zeros(streams, np.int64)
        self._size, self._most, self._held = size, most, held

    def update(self, bad: Flags) -> Flags:
        self._count += bad.astype(np.int64) - self._last[self._at]
        self._last[self._at] = bad
        self._at = (self._at + 1) % self._size
        self._seen += 1
        self._row += 1
        self._row[(self._count < self._most) | (self._seen < self._size)] = 0
        return self._row >= self._held

    def restart(self, which: Flags) -> None:
        self._last[:, which] = False
        self._count[which] = self._seen[which] = self._row[which] = 0


class Ewma:
    """The exponentially weighted mean of answers, newest by `weight`, reaches the limit."""

    def __init__(self, streams: int, healthy: float, weight: float, limit: float) -> None:
        self._mean = np.full(streams, healthy)
        self._healthy, self._weight, self._limit = healthy, weight, limit

    def update(self, bad: Flags) -> Flags:
        self._mean += self._weight * (bad - self._mean)
        return self._mean >= self._limit

    def restart(self, which: Flags) -> None:
        self._mean[which] = self._healthy
