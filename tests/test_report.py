"""The readings as they are told: in the metrics' order, of one moment, and as JSON without loss."""

import json
import threading
from datetime import timedelta
from decimal import Decimal

import duckdb
import pytest
from deliveries import NOON, NOW, batch, new_store, record, rows_at

from pipeline.metrics import METRICS
from pipeline.report import Reading, last_refresh, report
from pipeline.spans import SPANS
from pipeline.store import Store
from pipeline.sums import DIMENSIONS

VALUES = [
    *(record(f"e{n}", customer_id=f"c{n}", wait_s=n / 8, agent_id=f"a{n % 3}") for n in range(20)),
    *(
        record(f"s{n}", NOON, "survey", contact_id=f"e{n}", csat=1 + n % 5, nps=n % 11)
        for n in range(0, 20, 2)
    ),
    record("i", NOON, "invitation", contact_id="e1"),
]
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def filled(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    store = Store(con)
    store.ingest([batch(VALUES)], NOW)
    store.refresh(LATER)
    return con


def test_without_a_moment_it_is_that_of_the_last_refresh(filled):
    assert last_refresh(filled) == LATER
    assert {each.as_of for each in report(filled)} == {LATER}
    assert {each.as_of for each in report(filled, None, "90m", "agent")} == {LATER}
    Store(filled).refresh(LATER + timedelta(days=1))
    assert {each.as_of for each in report(filled)} == {LATER + timedelta(days=1)}


def test_a_database_without_a_refresh_has_no_readings_but_answers_for_a_moment(con):
    Store(con).ingest([batch(VALUES)], NOW)
    assert (last_refresh(con), list(report(con)), list(report(con, None, "90m"))) == (None, [], [])
    assert report(con, LATER)


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("span", SPANS)
def test_the_refreshed_readings_are_those_of_the_moment(filled, span, dimension):
    kept = report(filled, None, span, dimension)
    assert kept == report(filled, LATER, span, dimension)
    found = {(each.metric, each.member): (each.numerator, each.denominator) for each in kept}
    assert found == {key: numbers[:2] for key, numbers in rows_at(filled, LATER, span, dimension).items()}


@pytest.mark.parametrize("as_of", [None, LATER])
def test_rows_come_in_the_metrics_order_and_then_by_member(filled, as_of):
    order = [metric.name for metric in METRICS]
    found = [(order.index(each.metric), each.member) for each in report(filled, as_of, "7d", "agent")]
    assert found == sorted(found)
    assert len({metric for metric, _ in found}) > 5


def test_json_numbers_are_numbers_and_read_back_as_the_same_reading(filled):
    found = report(filled, LATER, "7d", "agent")
    told = json.loads(json.dumps([each.as_dict() for each in found]))
    assert [Reading.from_dict(each) for each in told] == list(found)
    names = [
        "metric",
        "span",
        "dimension",
        "member",
        "as_of",
        "numerator",
        "denominator",
        "value",
        "low",
        "high",
    ]
    assert all(list(each) == names for each in told)
    kinds = {type(each[name]) for each in told for name in ("numerator", "denominator", "value")}
    assert kinds == {int, float}
    (wait,) = [each for each in told if (each["metric"], each["member"]) == ("wait_mean", "a1")]
    assert (wait["numerator"], wait["denominator"]) == (sum(range(1, 20, 3)) / 8, 7)
    assert wait["as_of"] == "2026-11-08T13:00:00Z"
    assert [each["low"] for each in told if each["metric"] == "contacts"] == [None] * 3


def test_seconds_keep_three_decimals_exactly():
    reading = Reading("wait_mean", "7d", "all", "all", NOON, Decimal("123456789012.345"), 7, 1.0, None, None)
    assert Reading.from_dict(json.loads(json.dumps(reading.as_dict()))) == reading


def test_a_report_beside_a_refreshing_thread_is_never_empty_and_of_one_moment(tmp_path):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(VALUES)], NOW)
        store.refresh(LATER)
        over = threading.Event()
        refreshed = []

        def work() -> None:
            while not over.is_set():
                refreshed.append(LATER + timedelta(seconds=len(refreshed)))
                store.refresh(refreshed[-1])

        thread = threading.Thread(target=work)
        thread.start()
        try:
            while len(refreshed) < 15 and thread.is_alive():
                for span in ("7d", "90m"):
                    with store.reading() as con:
                        found = report(con, None, span)
                    assert len({each.as_of for each in found}) == 1
                    assert {each.metric for each in found} > {"contacts", "csat", "wait_mean"}
        finally:
            over.set()
            thread.join()
        assert len(refreshed) >= 15
