"""The rejection limit: too many rejected records in a row are a sender's fault, and end the worker."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline.arrivals import Arrivals
from pipeline.errors import RejectionLimitError
from pipeline.fields import REASONS
from pipeline.judge import Verdict

TAKEN = -1
"""Stands for a record that is not rejected; every other one is the number of its reason."""
MOST_NAMED = 3
_PARTS = 1_000_000
_CODES = {reason: code for code, reason in enumerate(REASONS)}

Codes = npt.NDArray[np.int8]


class Seen(NamedTuple):
    """The latest records of a partition, and what is to be told of the last rejected one."""

    codes: Codes = np.empty(0, np.int8)
    example: str = ""


class RejectionLimit:
    """Watches the records of every partition in their order, however they are cut into transactions.

    As soon as more than `limit` of at least `window` consecutive records are rejected, the transaction
    that brings the last of them is refused; a limit of 1 refuses none. Of earlier transactions the last
    2 * `window` records are remembered: in a longer run with too many, either half has too many by
    itself. It begins anew with each start of the worker.
    """

    def __init__(self, limit: float = 1.0, window: int = 10_000) -> None:
        self._limit = limit
        self._window = window
        self._seen: dict[tuple[str, int], Seen] = {}

    @contextmanager
    def unless_failed(self) -> Iterator[None]:
        """Forget what the block showed it where the block raises: those records will come again."""
        before = dict(self._seen)
        try:
            yield
        except BaseException:
            self._seen = before
            raise

    def watch(self, arrivals: Arrivals, rejected: Mapping[int, Verdict]) -> None:
        """Look at the records of a transaction; RejectionLimitError where they reach the limit."""
        if self._limit >= 1:
            return
        codes = np.full(len(arrivals.values), TAKEN, np.int8)
        codes[list(rejected)] = [_CODES[verdict.reason] for verdict in rejected.values()]
        for at, numbers in arrivals.by_partition().items():
            before = self._seen.get(at, Seen())
            refused = numbers[codes[numbers] != TAKEN]
            last = None if len(refused) == 0 else int(refused[-1])
            example = before.example if last is None else _example(arrivals, last, rejected[last])
            now = Seen(np.concatenate([before.codes, codes[numbers]]), example)
            if (run := first_run(now.codes, self._limit, self._window)) is not None:
                raise RejectionLimitError(_told(at, now.codes[run], now.example))
            self._seen[at] = Seen(now.codes[-2 * self._window :], now.example)


def first_run(codes: Codes, limit: float, window: int) -> slice | None:
    """The first run of at least `window` records more than `limit` of which are rejected; None for none.

    With S the running sum of (rejected - limit), one ends at j where S[j] is above the least S that
    stands at least `window` records earlier. `limit` counts to the millionth: sums are exact.

    >>> first_run(np.array([TAKEN, 0, TAKEN, 0, 4], np.int8), 0.5, 3)
    slice(1, 4, None)
    """
    if len(codes) < window:
        return None
    sums = np.concatenate([[0], np.cumsum((codes != TAKEN) * _PARTS - round(limit * _PARTS))])
    least = np.minimum.accumulate(sums[: len(sums) - window])
    over = np.flatnonzero(sums[window:] > least)
    if len(over) == 0:
        return None
    last = int(over[0])
    return slice(int(np.flatnonzero(sums[: last + 1] == least[last])[-1]), last + window)


def _example(arrivals: Arrivals, n: int, verdict: Verdict) -> str:
    return f"offset {arrivals.place(n)[2]}: {verdict.detail}"


def _told(at: tuple[str, int], run: Codes, example: str) -> str:
    rejected = run[run != TAKEN].tolist()
    reasons = Counter(REASONS[code] for code in rejected).most_common(MOST_NAMED)
    named = ", ".join(f"{reason} ({count:,})" for reason, count in reasons)
    return (
        f"{at[0]}, partition {at[1]}: {len(rejected):,} of {len(run):,} records in a row are rejected, "
        f"most often {named}; for example {example}; "
        "mend what sends them and start again, or take them as rejections with FIRSTHAND_REJECTION_LIMIT=1"
    )
