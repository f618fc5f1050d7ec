"""The drift detectors of the library river, one object a stream, as they are."""

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.alerts.detectors import Flags

try:
    from river.drift import ADWIN, PageHinkley
except ImportError:
    sys.exit("bench: river is not installed: pip install --editable '.[bench]'")


class OneByOne:
    """A detector of one stream, once for each."""

    def __init__(self, streams: int, make: Callable[[], Any]) -> None:
        self._make = make
        self._each = [make() for _ in range(streams)]

    def update(self, bad: Flags) -> Flags:
        return np.fromiter(map(_rises, self._each, bad.tolist()), np.bool_, len(self._each))

    def restart(self, which: Flags) -> None:
        for stream in np.flatnonzero(which):
            self._each[stream] = self._make()


def _rises(detector: Any, bad: bool) -> bool:
    """ADWIN tells of falls too: they are not counted against it."""
    before = detector.estimation if isinstance(detector, ADWIN) else -1
    detector.update(float(bad))
    return bool(detector.drift_detected) and (before < 0 or detector.estimation > before)


def adwin(streams: int, delta: float) -> OneByOne:
    return OneByOne(streams, lambda: ADWIN(delta=delta))


def page_hinkley(streams: int, delta: float, threshold: float) -> OneByOne:
    return OneByOne(streams, lambda: PageHinkley(mode="up", delta=delta, threshold=threshold))
