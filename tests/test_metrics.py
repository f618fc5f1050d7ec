"""The metrics' files keep their form, and `metrics_at` depends on its arguments and the events alone."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from deliveries import (
    NOON,
    NOW,
    NUMBERS,
    accepted,
    assert_equals_oracle,
    batch,
    emptied,
    in_memory,
    new_store,
    record,
)
from deliveries import rows_at as readings_at
from histories import arrivals, histories, moments_about
from hypothesis import given, settings
from hypothesis import strategies as st

import pipeline
from pipeline.cells import fold_when_due
from pipeline.metrics import METRICS, Metric, quantities, source
from pipeline.settings import Definitions
from pipeline.spans import SPANS
from pipeline.store import Store
from pipeline.sums import DIMENSIONS, SUMS, mentioned

ROOT = Path(pipeline.__file__).parent
CONTRACT = [
    *("contacts", "csat", "csat_mean", "effort", "effort_easy", "nps", "friendliness", "fcr"),
    *("fcr_settled", "fcr_survey", "one_contact", "abandonment", "wait_mean", "handle_mean"),
    *("service_level", "response_rate"),
]
DAY = 86_400_000_000
HISTORY = [
    record("e1", wait_s=20, handle_s=61.5, outcome="resolved", reason="billing", agent_id="a1"),
    record("e2", NOON + timedelta(hours=1), wait_s=20.001, outcome="transferred", customer_id="c2"),
    record("e3", NOON + timedelta(hours=2), outcome="abandoned", channel="chat", customer_id="c3"),
    record(
        "s1", NOON + timedelta(hours=3), "survey", contact_id="e1", csat=5, effort=7, nps=10, resolved=True
    ),
    record("s2", NOON + timedelta(days=1), "survey", contact_id="e2", csat=1, friendliness=2, nps=0),
    record("i1", NOON + timedelta(hours=3), "invitation", contact_id="e1"),
    record("i2", NOON + timedelta(hours=3), "invitation", contact_id="e2"),
    record("e4", NOON + timedelta(days=2), customer_id="c2", wait_s=3),
    record("r1", NOON + timedelta(days=3), "reopen", contact_id="e1"),
]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as found:
        yield found


@pytest.fixture
def known(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """A database that holds HISTORY, half of it folded."""
    store = Store(emptied(con))
    store.ingest([batch(HISTORY[:5])], NOW)
    fold_when_due(con, 1)
    store.ingest([batch(HISTORY[5:], 5)], NOW)
    assert con.execute("select folded > 0 and folded < posted from internal.progress").fetchone() == (True,)
    return con


# --- the files ---


def test_the_metrics_are_those_of_the_contract_and_each_has_its_file_and_no_file_lacks_its_metric():
    names = [metric.name for metric in METRICS]
    assert names == CONTRACT
    assert len(set(names)) == len(names)
    assert {path.stem for path in (ROOT / "metrics").glob("*.sql")} == set(names)


def test_dimensions_and_spans_are_those_of_the_contract():
    assert tuple(DIMENSIONS) == ("all", "channel", "reason", "agent", "team", "segment", "stage")
    assert SPANS == ("15m", "1h", "24h", "7d", "28d")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_file_says_what_it_means_in_which_unit_over_which_window_and_who_says_so(metric: Metric):
    header = [line for line in source(metric.name).splitlines() if line.startswith("--")]
    assert header[0].startswith(f"-- {metric.name}: ")
    assert header[0].endswith(".")
    keys = [line.partition(":")[0].removeprefix("-- ") for line in header[1:]]
    assert [key for key in keys if key != "note"] == ["unit", "window", "source"]
    (window,) = [line for line in header if line.startswith("-- window: ")]
    assert "(as_of - " in window
    assert "as_of" in window.partition(", ")[2]
    assert "]" in window
    assert "no row where the" in window
    assert ("F" in window) == (metric.window == "settled")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_file_is_sql_over_facts(con, metric: Metric):
    """It runs as it stands, one row out for each fact in, and its columns are those it is shaped for."""
    found = con.execute(f"with fact as (from internal.facts) {source(metric.name)}")
    columns = [name for name, *_ in found.description]
    assert columns[0] == "numerator"
    assert ("denominator" in columns) == (metric.kind != "count")
    assert ("squares" in columns) == (metric.kind == "mean")
    assert set(columns) == set(quantities(metric.name))
    assert {quantities(metric.name)[column] for column in columns} <= set(SUMS)


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.sql")), ids=lambda path: path.stem)
def test_no_sql_asks_for_the_time_or_for_chance(path: Path):
    statements = "\n".join(line.partition("--")[0] for line in path.read_text(encoding="utf-8").splitlines())
    forbidden = (
        r"\b(now|today|current_date|current_timestamp|current_time|localtime\w*|get_current_\w+|"
        r"transaction_timestamp|random|uuid|gen_random_uuid|nextval)\b"
    )
    assert re.search(forbidden, statements, re.IGNORECASE) is None


# --- pure ---


def everything(con: duckdb.DuckDBPyConnection) -> list[object]:
    """All readings of two spans and two dimensions at some moments."""
    moments = [NOON, NOON + timedelta(hours=3), NOON + timedelta(days=1), NOON + timedelta(days=9)]
    return [
        sorted(readings_at(con, at, span, dimension).items(), key=lambda each: each[0])
        for at in moments
        for span, dimension in (("7d", "all"), ("24h", "channel"))
    ]


def test_the_same_question_has_the_same_answer_after_refreshes_and_folds(known):
    before = everything(known)
    store = Store(known)
    for at in (NOON, NOON + timedelta(days=400)):
        store.refresh(at)
        assert everything(known) == before
    fold_when_due(known, 1)
    assert known.execute("select folded = posted from internal.progress").fetchone() == (True,)
    assert everything(known) == before


ELSEWHERE = """
import json, sys
import duckdb
with duckdb.connect(sys.argv[1], read_only=True) as con:
    con.execute(f"set TimeZone = '{sys.argv[2]}'")
    found = [
        con.execute(
            "select metric, member, numerator::varchar, denominator, value, low, high, epoch_us(as_of) "
            f"from metrics_at('{at}', '{span}', '{dimension}') order by all"
        ).fetchall()
        for at, span, dimension in json.loads(sys.argv[3])
    ]
    found.append(con.execute(
        "select id, epoch_us(occurred_at), is_first_contact, epoch_us(repeated_at), epoch_us(reopened_at), "
        "resolved_at_first_contact, settled from contacts order by all"
    ).fetchall())
    print(json.dumps(found))
"""


def test_another_process_in_another_time_zone_reads_the_same_numbers(tmp_path):
    """Days of 24 hours: NOON is on the day after the clocks went back in St John's."""
    with new_store(tmp_path / "x.duckdb", fold_facts=5) as store:
        store.ingest([batch(HISTORY[:6])], NOW)
        store.ingest([batch(HISTORY[6:], 6)], NOW)
        store.refresh(NOON + timedelta(days=8))
    asked = [
        ("2026-11-09T12:00:00Z", "7d", "channel"),
        ("2026-11-09T15:30:00+03:30", "7d", "channel"),
        ("2026-11-11T12:00:00Z", "3d", "all"),
        ("2026-11-17T12:00:00Z", "28d", "agent"),
    ]
    found = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", ELSEWHERE, str(tmp_path / "x.duckdb"), zone, json.dumps(asked)],
                capture_output=True,
                check=True,
                env={**os.environ, "TZ": zone},
            ).stdout
        )
        for zone in ("UTC", "Asia/Kolkata", "America/St_Johns")
    ]
    assert found[0] == found[1] == found[2]
    assert found[0][0] == found[0][1]
    assert all(found[0])


@pytest.mark.parametrize(
    "as_of",
    [
        "'2026-11-09T12:00:00Z'",
        "'2026-11-09 12:00:00+00'",
        "'2026-11-09T17:30:00+05:30'",
        "'2026-11-09T12:00:00Z'::timestamptz",
        "timestamptz '2026-11-09 08:30:00-03:30'",
        "make_timestamptz(2026, 11, 9, 12, 0, 0, 'UTC')",
    ],
)
def test_a_moment_may_be_written_in_every_way(known, as_of):
    found = known.execute(f"select {NUMBERS} from metrics_at({as_of}, '7d', 'all')").fetchall()
    asked = readings_at(known, datetime(2026, 11, 9, 12, tzinfo=UTC), "7d")
    assert {(row[0], row[1]): tuple(row[2:]) for row in found} == asked
    columns = known.execute(f"select distinct as_of, span, dimension from metrics_at({as_of}, '7d', 'all')")
    assert columns.fetchall() == [(datetime(2026, 11, 9, 12, tzinfo=UTC), "7d", "all")]


def test_the_columns_of_metrics_at_are_those_of_metrics(known):
    found = known.execute("describe from metrics_at('2026-11-09T12:00:00Z', '7d', 'all')").fetchall()
    stored = known.execute("describe metrics").fetchall()
    assert [row[:2] for row in found] == [row[:2] for row in stored]
    names = "metric, span, dimension, member, as_of, numerator, denominator, value, low, high"
    assert ", ".join(name for name, *_ in stored) == names


@pytest.mark.parametrize(
    "span", ["", "7", "d", "0d", "-1d", "1.5h", "7D", "7w", " 7d", "7d ", "07d", "7 d", "\u0667d", "1d2h"]
)
def test_what_is_no_span_is_refused_with_what_is_one(known, span):
    with pytest.raises(duckdb.Error, match=r"span: .*m, h or d .*15m"):
        readings_at(known, NOON, span)


@pytest.mark.parametrize("dimension", ["", "agent_id", "All", "customer_id", "channel; drop table metrics"])
def test_what_is_no_dimension_is_refused_with_those_there_are(known, dimension):
    with pytest.raises(
        duckdb.Error, match="dimension: one of all, channel, reason, agent, team, segment, stage"
    ):
        readings_at(known, NOON, "7d", dimension)


def test_a_bad_question_is_refused_by_an_empty_database_too(con):
    for span, dimension in (("7w", "all"), ("0d", "all"), ("7d", "colour")):
        with pytest.raises(duckdb.Error, match=r"span|dimension"):
            readings_at(emptied(con), NOON, span, dimension)


@pytest.mark.parametrize("span", ["1m", "90m", "60m", "24h", "1d", "3d", "400d", "9999999d"])
def test_every_span_equals_the_oracle(known, span):
    events = accepted(HISTORY)
    if span == "9999999d":
        assert readings_at(known, NOON + timedelta(days=3), span) == readings_at(
            known, NOON + timedelta(days=3), "400d"
        )
        return
    for at in (
        NOON,
        NOON + timedelta(minutes=89, seconds=59),
        NOON + timedelta(days=3),
        NOON + timedelta(days=300),
    ):
        assert_equals_oracle(known, events, at, span, "reason")


def test_spans_of_one_length_give_one_answer(known):
    at = NOON + timedelta(days=1)
    assert (
        readings_at(known, at, "1440m") == readings_at(known, at, "24h") == readings_at(known, at, "1d") != {}
    )


FAR = [
    *(
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00.000001Z",
        "0001-01-08T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
    ),
    *("1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z", "2200-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"),
]


@pytest.mark.parametrize("fold_facts", [1, 10**9], ids=["folded", "unfolded"])
def test_far_moments_before_1970_and_to_the_ends_of_the_calendar_equal_the_oracle(con, fold_facts):
    values = [
        *(record(f"e{n}", at, wait_s=n, customer_id=f"c{n % 2}") for n, at in enumerate(FAR)),
        *(
            record(f"s{n}", at, "survey", contact_id=f"e{n - n % 3}", csat=1 + n % 5)
            for n, at in enumerate(FAR)
        ),
    ]
    store = Store(emptied(con), fold_facts=fold_facts)
    for n, value in enumerate(values[::-1]):
        store.ingest([batch([value], n)], NOW)
    events = accepted(values)
    assert len(events) == len(values)
    for at in (*FAR, "1000-01-01T00:00:00Z", "2026-11-01T00:00:00Z"):
        assert_equals_oracle(con, events, datetime.fromisoformat(at), "7d", "all")


def test_before_everything_there_is_nothing(known):
    assert readings_at(known, NOON - timedelta(microseconds=1), "400d") == {}
    assert readings_at(known, "0001-01-01T00:00:00Z", "400d") == {}
    assert readings_at(known, "2200-01-01T00:00:00Z", "400d") == {}


# --- settings ---

F = "follow_up_us"
VARIANTS = {
    "a day": ({F: DAY}, {"follow_up": timedelta(days=1)}),
    "a quarter of an hour": ({F: DAY // 96}, {"follow_up": timedelta(minutes=15)}),
    "the customer": ({"follow_up_key": ("customer_id",)}, {"key": ("customer_id",)}),
    "customer and channel": (
        {"follow_up_key": ("customer_id", "channel"), F: 2 * DAY},
        {"key": ("customer_id", "channel"), "follow_up": timedelta(days=2)},
    ),
    "customer, stage, team": (
        {"follow_up_key": ("customer_id", "stage", "team")},
        {"key": ("customer_id", "stage", "team")},
    ),
    "30 s": ({"service_level_ms": 30_000}, {"service_level_s": 30}),
    "19.999 s": ({"service_level_ms": 19_999}, {"service_level_s": Decimal("19.999")}),
    "0 s": ({"service_level_ms": 0}, {"service_level_s": 0}),
}


def assert_variant_equals_oracle(variant: str, data: st.DataObject) -> None:
    """A history, drawn, under other definitions, at moments about its edges."""
    ours, theirs = VARIANTS[variant]
    history = data.draw(histories(min_size=6))
    batches = data.draw(arrivals(history))
    with in_memory(Definitions(**ours)) as con:
        store = Store(con, fold_facts=data.draw(st.sampled_from([3, 10**9])))
        for number, values in enumerate(batches):
            store.ingest([batch(values, 0, number)], NOW)
        events = accepted(value for values in batches for value in values)
        follow_up = theirs.get("follow_up", timedelta(days=7))
        for span in ("24h", "28d"):
            as_of = data.draw(moments_about(history, follow_up))
            assert_equals_oracle(con, events, as_of, span, "all", **theirs)


@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=3, deadline=None)
@given(data=st.data())
def test_other_definitions_equal_the_oracle_with_the_same(variant, data):
    assert_variant_equals_oracle(variant, data)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_other_definitions_equal_the_oracle_in_many_histories(variant, data):
    assert_variant_equals_oracle(variant, data)


VALUES = {
    "kind": "'contact', 'follow_up', 'survey', 'invitation'",
    "outcome": "null, 'resolved', 'transferred', 'abandoned'",
    **dict.fromkeys(("wait_ms", "handle_ms"), "null, 0, 20000, 20001"),
    **dict.fromkeys(("first_contacts", "resolved_first"), "0, 1"),
    "resolved": "null, true, false",
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_fact_adds_to_a_numerator_and_not_to_the_denominator_but_where_the_metric_says_so(con, metric):
    parts = quantities(metric.name)
    if "denominator" not in parts:
        return
    rating = "null, " + ", ".join(map(str, range(11)))
    facts = " cross join ".join(
        f"(select unnest([{VALUES.get(column, rating)}]) as {column})"
        for column in mentioned(con, parts.values())
    )
    alone = f"({parts['numerator']}) <> 0 and not coalesce(({parts['denominator']}) <> 0, false)"
    found = con.execute(f"select count(*) from {facts} where {alone}").fetchall()[0][0]
    assert (found == 0) == metric.within
