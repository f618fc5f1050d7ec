"""What Prometheus scrapes at /metrics: the readings, what became of the records, and how the worker is.

Text format 0.0.4. Series are bounded: readings by the dimensions asked for, of each at most MOST_MEMBERS
members, those with most answers or contacts; what is left out is counted. No label names a customer.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiohttp import web
from duckdb import DuckDBPyConnection
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.connection import one, transaction
from pipeline.report import last_refresh
from pipeline.sql import load
from pipeline.store import Store

BY = ("all", "channel", "reason")
"""The dimensions whose readings are told unless others are asked for: agents are people, and many."""
MOST_MEMBERS = 50

_OUTCOMES = ("accepted", "duplicates", "rejected", "tombstones")
_READING = ("metric", "span", "dimension", "member")
_PARTS = {
    "firsthand_reading": "A reading: the metric's value in its own unit, as table metrics has it.",
    "firsthand_reading_low": "The lower end of the reading's 95 % interval.",
    "firsthand_reading_high": "The upper end of the reading's 95 % interval.",
    "firsthand_reading_denominator": "What the reading was counted from; 1 of a plain count.",
}


class Scraped:
    """Answers who scrapes, from the worker's database and its state."""

    def __init__(self, store: Store, state: Callable[[], Mapping[str, Any]], by: Sequence[str] = BY) -> None:
        self._store = store
        self._state = state
        self._by = by

    async def answer(self, request: web.Request) -> web.Response:  # noqa: ARG002 - aiohttp's shape
        """All of it, as it stands."""
        body = await asyncio.to_thread(self._text, self._state())
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def _text(self, state: Mapping[str, Any]) -> bytes:
        with self._store.reading() as con, transaction(con):
            return exposed([*readings(con, self._by), *records(con), *told(con), *condition(con, state)])


class _Handed(Collector):
    """Values that are there already, as the library wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def exposed(families: Iterable[Metric]) -> bytes:
    """Families of metrics as Prometheus reads them.

    >>> exposed([_gauge("firsthand_lag_records", "To come.", ("partition",), [((0,), 7)])]).splitlines()[-1]
    b'firsthand_lag_records{partition="0"} 7.0'
    """
    return generate_latest(_Handed(families))


def readings(con: DuckDBPyConnection, by: Sequence[str], most: int = MOST_MEMBERS) -> Iterator[Metric]:
    """The current readings by some dimensions, and how many of all are left out."""
    found = con.execute(load("exposed_readings"), {"by": list(by), "most": most}).fetchall()
    for part, (name, meaning) in enumerate(_PARTS.items(), start=len(_READING)):
        samples = [(row[: len(_READING)], row[part]) for row in found if row[part] is not None]
        yield _gauge(name, meaning, _READING, samples)
    everything = con.execute("select dimension, count(*) from metrics group by dimension").fetchall()
    shown = [row[2] for row in found]
    yield _gauge(
        "firsthand_readings_left_out",
        "Readings that are in table metrics and not told here, by dimension.",
        ("dimension",),
        [((dimension,), count - shown.count(dimension)) for dimension, count in sorted(everything)],
    )


def records(con: DuckDBPyConnection) -> Iterator[Metric]:
    """What became of the records since the database was made."""
    rows = con.execute(
        f"select topic, partition, {', '.join(_OUTCOMES)} from watermarks order by all"
    ).fetchall()
    yield _counter(
        "firsthand_records",
        "Records consumed, by what became of them.",
        ("topic", "partition", "outcome"),
        [
            ((topic, partition, outcome), count)
            for topic, partition, *counts in rows
            for outcome, count in zip(_OUTCOMES, counts, strict=True)
        ],
    )
    reasons = con.execute(
        "select reason, count(*) from internal.rejected group by reason order by 1"
    ).fetchall()
    yield _counter(
        "firsthand_rejected",
        "Records rejected, by reason.",
        ("reason",),
        [((each,), n) for each, n in reasons],
    )


def told(con: DuckDBPyConnection) -> Iterator[Metric]:
    """Alerts: how often which rule changed state, and how many fire; of members nothing."""
    flips = con.execute(
        "select rule, state, count(*) from flips group by rule, state order by all"
    ).fetchall()
    yield _counter(
        "firsthand_flips",
        "Changes of state of alerts as recorded, by rule and the state they came to.",
        ("rule", "state"),
        [((rule, state), count) for rule, state, count in flips],
    )
    firing = con.execute(
        "select rule, severity, count(*) filter (state = 'firing') from alerts group by all order by all"
    ).fetchall()
    yield _gauge(
        "firsthand_alerts_firing",
        "Alerts that fire, inhibited and silenced ones too.",
        ("rule", "severity"),
        [((rule, severity), count) for rule, severity, count in firing],
    )


def condition(con: DuckDBPyConnection, state: Mapping[str, Any]) -> Iterator[Metric]:
    """How far behind and how fresh the worker is."""
    yield _gauge(
        "firsthand_lag_records",
        "Records of the topic still to be consumed.",
        ("partition",),
        [((partition,), lag) for partition, lag in state["lags"].items()],
    )
    as_of = last_refresh(con)
    yield _plain(
        "firsthand_as_of_timestamp_seconds",
        "The moment that the readings speak of, as Unix time.",
        None if as_of is None else as_of.timestamp(),
    )
    yield _plain(
        "firsthand_refresh_age_seconds", "Seconds since the last refresh ended.", state["refreshed_s_ago"]
    )
    yield _plain(
        "firsthand_database_memory_bytes",
        "Of the worker's memory, what DuckDB holds, its cache above all; FIRSTHAND_MEMORY_LIMIT bounds it.",
        one(con, "select sum(memory_usage_bytes) from duckdb_memory()"),
    )


_Samples = Iterable[tuple[Sequence[object], Any]]


def _gauge(name: str, meaning: str, labels: Sequence[str], samples: _Samples) -> Metric:
    return _filled(GaugeMetricFamily(name, meaning, labels=labels), samples)


def _counter(name: str, meaning: str, labels: Sequence[str], samples: _Samples) -> Metric:
    return _filled(CounterMetricFamily(name, meaning, labels=labels), samples)


def _plain(name: str, meaning: str, value: float | None) -> Metric:
    """A gauge without labels; without a value it is not told."""
    return _gauge(name, meaning, (), [] if value is None else [((), value)])


def _filled(family: Any, samples: _Samples) -> Metric:
    for labels, value in samples:
        family.add_metric([str(each) for each in labels], float(value))
    return family  # type: ignore[no-any-return]
