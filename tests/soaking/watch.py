"""Watching a soak's worker from beside it: its memory by the kernel, its lag by its own word."""

import json
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from http.client import HTTPException
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

from tests.soaking.running import Running

LOOK_EVERY_S = 1.0
SETTLED_S = 180.0
"""A worker that has lived so long has imported and planned what it needs, and its alert rules know enough."""
SLOPE_SAMPLES = 240


class Watch:
    """Looks once a second while the `with` block lasts. Memory in MiB, times on the monotonic clock."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._look_on)
        self.peak_mib = 0.0
        self.max_lag = 0
        self.database_mib = 0.0
        """What DuckDB last held of it."""
        self.samples: list[tuple[float, float, int]] = []
        """Moment, resident memory beside DuckDB's, process id."""

    def slope(self, calm_since: float) -> float | None:
        """MiB per minute of the last worker since it settled: the median slope of all pairs of samples.

        What DuckDB holds is left out: its cache fills to FIRSTHAND_MEMORY_LIMIT, which takes longer than
        a soak. Only samples of undisturbed running count: after `calm_since`, and SETTLED_S. The median
        (Theil and Sen) is not moved by a refresh or a checkpoint that is just under way. None if too few.
        """
        last = self._running.worker.pid
        calm = [(at, mib) for at, mib, pid in self.samples if pid == last and at > calm_since + SETTLED_S]
        return median_slope(calm[:: max(1, len(calm) // SLOPE_SAMPLES)])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._thread.join()

    def _look_on(self) -> None:
        while not self._ending.wait(LOOK_EVERY_S):
            pid = self._running.worker.pid
            with suppress(OSError):
                told = _told_by_the_kernel(pid)
                self.peak_mib = max(self.peak_mib, _mib(told["VmHWM"]))
                self._ask(pid, _mib(told["VmRSS"]))

    def _ask(self, pid: int, mib: float) -> None:
        stream = self._running.stream
        with suppress(OSError, HTTPException, ValueError):
            url = json.loads((stream.place / f"{stream.database}.worker").read_text())["url"]
            with urlopen(f"{url}metrics", timeout=5) as answer:  # noqa: S310 - the loopback
                told = dict(line.rsplit(b" ", 1) for line in answer if not line.startswith(b"#"))
            lags = [float(value) for name, value in told.items() if name.startswith(b"firsthand_lag_records")]
            self.max_lag = max(self.max_lag, int(sum(lags)))
            self.database_mib = float(told[b"firsthand_database_memory_bytes"]) / 2**20
            self.samples.append((time.monotonic(), mib - self.database_mib, pid))


def median_slope(samples: Sequence[tuple[float, float]]) -> float | None:
    """The median of the slopes between any two samples, per minute; None of fewer than ten.

    >>> median_slope([(60.0 * n, 100.0 + n + 50 * (n == 7)) for n in range(20)])
    1.0
    >>> median_slope([(0.0, 1.0)])
    """
    if len(samples) < 10:
        return None
    slopes = [60 * (b - a) / (t - s) for (s, a), (t, b) in combinations(samples, 2) if t > s]
    return statistics.median(slopes)


def _told_by_the_kernel(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    told = dict(line.split(":", 1) for line in lines if line.startswith("Vm"))
    if not told:
        raise ProcessLookupError(pid)  # it has ended, and nobody has waited for it yet
    return told


def _mib(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024
