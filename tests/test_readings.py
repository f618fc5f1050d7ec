"""The readings against the oracle, which was written from the contract alone and shares nothing with them."""

import os
from datetime import UTC, datetime
from decimal import Decimal
from math import isclose

import duckdb
import pytest
from histories import arrivals, histories, moments_about
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import contacts, duration, readings
from oracle_events import apply
from oracle_verdicts import verdict

from pipeline.batch import RecordBatch
from pipeline.measure import DIMENSIONS, SPANS
from pipeline.schema import TABLES, create_schema
from pipeline.settings import Definitions
from pipeline.store import Store

HISTORIES = int(os.environ.get("FIRSTHAND_TEST_HISTORIES", "80"))
"""Generated histories per test; `make test-histories` runs thousands."""

NOW = datetime(2026, 12, 24, tzinfo=UTC)
DATA_TABLES = [
    *(table for table in TABLES if table not in ("definitions", "progress", "names", "facts")),
    "cells",
    "corrections",
    "revisions",
    "revision_cells",
]


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(":memory:") as connection:
        connection.execute("set global TimeZone = 'UTC'; set threads = 1")
        create_schema(connection, Definitions())
        yield connection


def emptied(con):
    for table in DATA_TABLES:
        schema = "main" if table in ("rejections", "watermarks", "metrics") else "internal"
        con.execute(f"delete from {schema}.{table}")
    con.execute("update internal.progress set posted = 0, folded = 0")
    return con


def ingest(con, batches, fold_facts=10**9, partitions=1):
    """The batches through the store, dealt out to some partitions; what the oracle makes of the same."""
    store = Store(con, fold_facts=fold_facts)
    reached = [0] * partitions
    for number, values in enumerate(batches):
        partition = number % partitions
        start = reached[partition]
        reached[partition] += len(values)
        batch = RecordBatch("touchpoints", partition, start, reached[partition])
        batch.offsets, batch.values = range(start, reached[partition]), list(values)
        store.ingest([batch], NOW)
    events = [verdict(value, None).event for values in batches for value in values]
    return store, apply(event for event in events if event is not None)


def rows(con, query, parameters=None):
    return {
        (metric, member): tuple(numbers)
        for metric, member, *numbers in con.execute(query, parameters).fetchall()
    }


def same(ours, theirs):
    """Exact counts; value and interval to the last digits of a double."""
    assert ours.keys() == theirs.keys()
    for key, (numerator, denominator, *floats) in ours.items():
        reading = theirs[key]
        assert (numerator, denominator) == (Decimal(reading.numerator), reading.denominator), key
        for found, asked in zip(floats, (reading.value, reading.low, reading.high), strict=True):
            assert (found is None) == (asked is None), (key, found, asked)
            assert found is None or isclose(found, asked, rel_tol=1e-9, abs_tol=1e-9), (key, found, asked)


@settings(max_examples=HISTORIES, deadline=None)
@given(data=st.data())
def test_metrics_at_equals_the_oracle_at_any_moment_however_the_events_arrive(con, data):
    history = data.draw(histories())
    batches = data.draw(arrivals(history))
    fold_facts = data.draw(st.sampled_from([1, 5, 10**9]))
    _, (accepted, duplicates) = ingest(emptied(con), batches, fold_facts, data.draw(st.integers(1, 3)))
    assert con.execute("select sum(accepted), sum(duplicates) from watermarks").fetchone() == (
        len(accepted),
        duplicates,
    )
    for _ in range(3):
        as_of = data.draw(moments_about(history))
        span = data.draw(st.sampled_from(SPANS))
        dimensions = data.draw(st.permutations(list(DIMENSIONS)))[:2]
        for dimension in dimensions:
            ours = rows(
                con,
                "select metric, member, numerator, denominator, value, low, high "
                "from metrics_at($as_of, $span, $dimension)",
                {"as_of": as_of, "span": span, "dimension": dimension},
            )
            same(ours, readings(accepted, as_of, duration(span), dimension))


@settings(max_examples=HISTORIES // 4, deadline=None)
@given(data=st.data())
def test_a_refresh_equals_the_oracle_for_every_span_and_dimension(con, data):
    history = data.draw(histories())
    store, (accepted, _) = ingest(
        emptied(con), data.draw(arrivals(history)), data.draw(st.sampled_from([3, 10**9]))
    )
    as_of = data.draw(moments_about(history))
    store.refresh(as_of)
    for span in SPANS:
        for dimension in DIMENSIONS:
            ours = rows(
                con,
                "select metric, member, numerator, denominator, value, low, high from metrics "
                "where span = $span and dimension = $dimension and as_of = $as_of",
                {"as_of": as_of, "span": span, "dimension": dimension},
            )
            same(ours, readings(accepted, as_of, duration(span), dimension))


@settings(max_examples=HISTORIES // 2, deadline=None)
@given(data=st.data())
def test_the_contacts_view_equals_the_oracle(con, data):
    history = data.draw(histories())
    store, (accepted, _) = ingest(emptied(con), data.draw(arrivals(history)))
    now = max((event.occurred_at for event in accepted), default=NOW)
    store.refresh(now)
    found = con.execute("from contacts order by occurred_at, contact_id, source, id").fetchall()
    columns = [column for column, *_ in con.description]
    expected = contacts(accepted, now)
    assert set(columns) >= set(expected[0] if expected else ())
    ours = [{name: row[columns.index(name)] for name in expected[0]} for row in found] if expected else found
    assert ours == expected


def test_metrics_and_metrics_at_have_the_columns_of_the_contract_in_order(con):
    columns = ["metric", "span", "dimension", "member", "as_of"]
    columns += ["numerator", "denominator", "value", "low", "high"]
    for source in ("metrics", "metrics_at('2026-11-21T10:00:00Z', '7d', 'channel')"):
        con.execute(f"select * from {source}")
        assert [name for name, *_ in con.description] == columns
