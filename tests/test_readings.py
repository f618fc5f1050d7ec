"""The readings against the oracle, which was written from the contract alone and shares nothing with them."""

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isclose

import duckdb
import pytest
from deliveries import NOON, emptied, record
from histories import arrivals, histories, moments_about
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import contacts, duration, readings
from oracle_events import apply
from oracle_verdicts import verdict

from pipeline.batch import RecordBatch
from pipeline.cells import COMPACT_FOLDS, compact
from pipeline.connection import transaction
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.spans import SPANS
from pipeline.store import Store
from pipeline.sums import DIMENSIONS

HISTORIES = int(os.environ.get("FIRSTHAND_TEST_HISTORIES", "80"))
"""Generated histories per test; `make test-histories` runs thousands."""

NOW = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(":memory:") as connection:
        connection.execute("set global TimeZone = 'UTC'; set threads = 1")
        create_schema(connection, Definitions())
        yield connection


def ingest(con, batches, fold_facts=10**9, partitions=1, compact_after=(), refresh_at=()):
    """The batches through the store, dealt out to some partitions; what the oracle makes of the same.

    `compact_after`: the batches, by number, after which all cells are compacted; `refresh_at`: moments of
    refreshes before the first batch and after each.
    """
    store = Store(con, fold_facts=fold_facts)
    reached = [0] * partitions
    for moment in refresh_at:
        store.refresh(moment)
    for number, values in enumerate(batches):
        partition = number % partitions
        start = reached[partition]
        reached[partition] += len(values)
        batch = RecordBatch("touchpoints", partition, start, reached[partition])
        batch.offsets, batch.values = range(start, reached[partition]), list(values)
        store.ingest([batch], NOW)
        if number in compact_after:
            with transaction(con):
                compact(con)
        for moment in refresh_at:
            store.refresh(moment)
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
    compact_after = data.draw(st.sets(st.integers(0, len(batches) - 1)))
    _, (accepted, duplicates) = ingest(
        emptied(con), batches, fold_facts, data.draw(st.integers(1, 3)), compact_after
    )
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
    batches = data.draw(arrivals(history))
    compact_after = data.draw(st.sets(st.integers(0, len(batches) - 1)))
    store, (accepted, _) = ingest(
        emptied(con),
        batches,
        data.draw(st.sampled_from([1, 3, 10**9])),
        compact_after=compact_after,
        refresh_at=data.draw(st.lists(moments_about(history), max_size=1)),
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


def test_the_contacts_view_compares_nothing_with_everything(con):
    """A condition on the left side of its joins made it compare every contact with every survey."""
    [(_, plan)] = con.execute("explain (format json) from contacts").fetchall()
    assert "HASH_JOIN" in plan
    assert "BLOCKWISE_NL_JOIN" not in plan


def test_metrics_and_metrics_at_have_the_columns_of_the_contract_in_order(con):
    columns = ["metric", "span", "dimension", "member", "as_of"]
    columns += ["numerator", "denominator", "value", "low", "high"]
    for source in ("metrics", "metrics_at('2026-11-21T10:00:00Z', '7d', 'channel')"):
        con.execute(f"select * from {source}")
        assert [name for name, *_ in con.description] == columns


@pytest.mark.parametrize(
    ("kind", "cells", "other", "column"),
    [
        ("contact", "cells_of_contacts", "cells_of_answers", "contacts_numerator"),
        ("invitation", "cells_of_answers", "cells_of_contacts", "response_rate_denominator"),
    ],
)
def test_many_folds_are_compacted_into_one_cell_of_its_kind_for_each_hour_and_day(
    con, kind, cells, other, column
):
    """The readings read what is in a window's cells: without it they grew with every fold for ever."""
    batches = [[record(f"e{n}", NOON + timedelta(seconds=n), kind)] for n in range(COMPACT_FOLDS)]
    ingest(emptied(con), batches, fold_facts=1)
    found = con.execute(
        f"select count(*), sum({column}) from internal.{cells} where dim = 'channel'"
    ).fetchone()
    assert found == (2, 2 * COMPACT_FOLDS)
    assert con.execute(f"from internal.{other}").fetchall() == []
