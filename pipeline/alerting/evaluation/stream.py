"""The answers that rules follow, read from the facts: one query for all metrics of a kind of window."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from duckdb import DuckDBPyConnection

from pipeline.alerting.rules import METRICS_BY_NAME
from pipeline.metrics import Metric, limits_of, quantities
from pipeline.readings import WINDOWS
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, mentioned

Numbers = npt.NDArray[np.signedinteger]

ALL = 1
"""The number of the member `all`."""


class Answers(NamedTuple):
    """One metric's answers by one dimension, a row each, in no order.

    `weight` times an answer with `demerits`: a negative one takes back another row's.
    """

    at_us: Numbers
    member: Numbers
    demerits: Numbers
    weight: Numbers


class Came(NamedTuple):
    """The moments of the earliest and the newest of some facts."""

    earliest_us: int
    newest_us: int


def came_since(con: DuckDBPyConnection, posted: int) -> Came | None:
    """What was posted since a transaction, whatever it counts for; None where that is nothing."""
    return _came(con, load("alert_posted"), posted)


def _came(con: DuckDBPyConnection, query: str, posted: int) -> Came | None:
    [row] = con.execute(query, {"posted": posted}).fetchall()
    return Came(*row) if row[0] is not None else None


class Stream:
    """What a kind of window (rolling or settled) of these metrics is made of, by these dimensions."""

    def __init__(
        self, con: DuckDBPyConnection, window: str, metrics: Iterable[str], dimensions: Iterable[str]
    ) -> None:
        self._metrics = sorted(set(metrics))
        self._dimensions = sorted({CELL_DIMENSIONS[each] for each in dimensions if each != "all"})
        parts = {name: quantities(name) for name in self._metrics}
        counted = anything(self._metrics)
        columns = ", ".join(
            f"{_added(METRICS_BY_NAME[name], expression)} as {name}_{n}"
            for name, each in parts.items()
            for n, expression in enumerate(_two(each))
        )
        self._read = fill(
            "alert_facts",
            members="".join(f"{each}, " for each in self._dimensions).removesuffix(", ") or "1 as nobody",
            quantities=columns,
            facts=fill(
                "alert_stretch",
                fact_columns=", ".join(mentioned(con, [counted, *self._dimensions])),
                after_us="$after_us",
                until_us="$until_us",
                of_member="true",
                back=WINDOWS[window],
            ),
            anything=counted,
        )
        self._revised = fill("alert_revised", anything=counted)

    def revised_since(self, con: DuckDBPyConnection, posted: int) -> "Came | None":
        """What was revised since a transaction; None where that is nothing."""
        return _came(con, self._revised, posted)

    def read(self, con: DuckDBPyConnection, after_us: int, until_us: int) -> "Stretch":
        """What counts after one moment and until the other, that included."""
        found = con.execute(self._read, {"after_us": after_us, "until_us": until_us}).fetchnumpy()
        return Stretch(
            {
                # what a fact adds to a share is 0, 1 or -1, and stays as narrow as it was read
                name: np.asarray(column, np.int8 if column.dtype == np.int8 else np.int64)
                for name, column in found.items()
            }
        )

    def nothing(self) -> "Stretch":
        """A stretch in which nothing counts."""
        columns = [f"{name}_{n}" for name in self._metrics for n in range(2)]
        return Stretch(dict.fromkeys(["at_us", *self._dimensions, *columns], np.zeros(0, np.int64)))


class Stretch:
    """The facts of a stretch of time."""

    def __init__(self, columns: dict[str, Numbers]) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns["at_us"])

    def between(self, after_us: int, until_us: int) -> "Stretch":
        """Those after one moment and until the other, that included."""
        at_us = self._columns["at_us"]
        asked = (at_us > after_us) & (at_us <= until_us)
        return self if asked.all() else Stretch({name: each[asked] for name, each in self._columns.items()})

    def answers(self, metric: str, dimension: str) -> Answers:
        """Those that one rule follows."""
        numerator, denominator = (self._columns[f"{metric}_{n}"] for n in range(2))
        at_us = self._columns["at_us"]
        members = (
            np.full(len(at_us), ALL) if dimension == "all" else self._columns[CELL_DIMENSIONS[dimension]]
        )
        if METRICS_BY_NAME[metric].kind == "share":
            bad = numerator if METRICS_BY_NAME[metric].better == "lower" else denominator - numerator
            return _of_share(at_us, members, denominator - bad, bad)
        there = denominator != 0
        scores = numerator[there] * denominator[there]
        return Answers(at_us[there], members[there], demerits_of(metric, scores), denominator[there])


def anything(metrics: Iterable[str]) -> str:
    """As SQL: does a fact add anything to one of these metrics?

    >>> anything(["csat", "fcr"])
    '(csat is not null) or (resolved_first) <> 0 or (first_contacts) <> 0'
    """
    return " or ".join(dict.fromkeys(each for name in metrics for each in _telling(name)))


def _telling(name: str) -> list[str]:
    """What says whether a fact adds to a metric: as little as can be, since it is asked of every fact."""
    parts = quantities(name)
    if "denominator" in parts and METRICS_BY_NAME[name].within:
        return [f"({parts['denominator']})"]
    return [f"({each}) <> 0" for each in _two(parts)]


def _added(metric: Metric, expression: str) -> str:
    """What a fact adds to one of a metric's sums, as SQL."""
    if metric.kind != "share":
        return f"sign * coalesce(({expression})::bigint, 0)"
    if metric.within:
        return f"if({expression}, sign, 0::tinyint)"  # both are conditions; less work than to multiply
    return f"sign * coalesce(({expression})::tinyint, 0::tinyint)"


def _of_share(at_us: Numbers, members: Numbers, good: Numbers, bad: Numbers) -> Answers:
    """Answers with 0 demerits and with 1, as the facts come; of a fact with both, the second is at the end.

    >>> facts = (np.array(each) for each in ([5, 6, 7], [2, 3, 4], [1, -1, 0], [0, 1, 1]))
    >>> [column.tolist() for column in _of_share(*facts)]
    [[5, 6, 7, 6], [2, 3, 4, 3], [0, 0, 1, 1], [1, -1, 1, 1]]
    """
    there, both = np.flatnonzero(good | bad), np.flatnonzero((good != 0) & (bad != 0))
    rows = np.append(there, both)
    is_bad = good[rows] == 0
    is_bad[len(there) :] = True
    return Answers(
        at_us[rows], members[rows], is_bad.astype(np.int8), np.where(is_bad, bad[rows], good[rows])
    )


def demerits_of(metric: str, scores: Numbers) -> Numbers:
    """Scores told so that more is worse; milliseconds by classes of an eighth of an octave.

    >>> demerits_of("csat_mean", np.array([5, 1])).tolist(), demerits_of("nps", np.array([1, 0, -1])).tolist()
    ([0, 4], [0, 1, 2])
    >>> demerits_of("wait_mean", np.array([0, 1000, 2000])).tolist()
    [0, 62, 70]
    """
    if METRICS_BY_NAME[metric].unit == "seconds":
        return np.searchsorted(CLASSES_MS, scores, side="right").astype(np.int64)
    return np.int64(limits_of(metric)[1]) - scores


CLASSES_MS = np.unique(np.rint(2 ** (np.arange(0, 8 * 34) / 8)).astype(np.int64))
"""Where classes of durations begin, in milliseconds."""


def _two(parts: dict[str, str]) -> Sequence[str]:
    return parts["numerator"], parts.get("denominator", "0")
