"""The mirror in a real PostgreSQL: what it says, when it says it, and what it refuses to be."""

import json
import random
import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import psycopg

from pipeline.simulate import simulate
from tests.command import until
from tests.mirrored import (
    assert_equal_now,
    assert_history_is_what_is_known_now,
    readings,
    step,
)

START = datetime(2026, 1, 5, tzinfo=UTC)
DAY = timedelta(days=1)
VALUES = [each.value for each in simulate(3000, 7)]
HALF = VALUES[:1500]
SOME = random.Random(1).sample  # noqa: S311 - no secret


def written(kind: str, name: str, at: datetime, **data: object) -> bytes:
    """An event of a customer of its own unless told otherwise."""
    envelope = {"specversion": "1.0", "id": name, "source": "s", "type": f"touchpoint.{kind}.v1"}
    fields = {"customer_id": name, "channel": "phone"} | data
    return json.dumps(envelope | {"time": at.isoformat(), "data": fields}).encode()


def moments(there: psycopg.Connection) -> list[tuple[str, datetime]]:
    return there.execute("select span, as_of from history_moments order by as_of, span").fetchall()


def test_the_current_readings_are_those_of_the_database_row_for_row_however_they_change(both, there):
    with both.store.reading() as duck, both.kept(steps=0) as mirror:
        for n, part in enumerate((VALUES[:1000], VALUES[1000:1010], VALUES[1010:], [])):
            both.take(part, START + 14 * DAY + n * timedelta(seconds=1))
            mirror.step()
            assert_equal_now(duck, there)
        before = {row[:4] for row in readings(duck, "metrics")}
        both.refresh(START + 20 * DAY)
        assert before - {row[:4] for row in readings(duck, "metrics")}, "members leave their windows"
        mirror.step()
        assert_equal_now(duck, there)


def test_members_of_any_characters_are_the_same_on_both_sides(both, there):
    reasons = ["\\N", "\\.", "a\tb", "a\nb", "a\rb", '"', "'", ",", "ﬀ \U0001d11e", "\x7f\x01", " "]
    events = [
        written("contact", f"c{n}", START, contact_id="k", reason=each) for n, each in enumerate(reasons)
    ]
    with both.store.reading() as duck:
        both.take(events, START + timedelta(hours=3))
        both.bring_up_to_date(history="1h=1h,24h=1h")
        assert_equal_now(duck, there)
        assert_history_is_what_is_known_now(duck, there, moments(there))
    found = there.execute("select distinct member from metrics where dimension = 'reason'").fetchall()
    assert {member for (member,) in found} == set(reasons)


def test_columns_bear_the_names_of_the_contract_and_types_that_lose_nothing(both, there):
    both.take(HALF, START + 14 * DAY)
    both.bring_up_to_date(history="")
    found = there.execute(
        "select column_name, data_type, numeric_precision, numeric_scale from information_schema.columns "
        "where table_schema = 'firsthand' and table_name = 'metrics' order by ordinal_position"
    ).fetchall()
    with both.store.reading() as duck:
        own = [name for name, *_ in duck.execute("describe metrics").fetchall()]
    assert [name for name, *_ in found] == own
    types = {name: kind for name, kind, *_ in found}
    assert types["as_of"] == "timestamp with time zone"
    assert types["denominator"] == "bigint"
    assert types["value"] == types["low"] == types["high"] == "double precision"
    assert ("numerator", "numeric", 18, 3) in found


def test_the_history_has_every_moment_of_the_grids_once_and_says_what_the_database_says_of_them(both, there):
    at = START + 9 * DAY + timedelta(minutes=20)
    both.take(VALUES, at)
    both.bring_up_to_date()
    with both.store.reading() as duck:
        (earliest,) = duck.execute("select min(occurred_at) from touchpoints").fetchone()
        assert_history_is_what_is_known_now(duck, there, SOME(moments(there), 4))
    for span, between in (("24h", timedelta(hours=12)), ("7d", 2 * DAY)):
        of_span = [as_of for each, as_of in moments(there) if each == span]
        assert earliest <= of_span[0] < earliest + between
        assert at - between < of_span[-1] <= at
        assert all(later - earlier == between for earlier, later in pairwise(of_span))
    assert there.execute("select distinct revision from metrics_history").fetchall() == [(1,)]


def test_a_moment_is_recorded_once_its_minute_of_grace_is_over(both, there):
    noon = START + 3 * DAY + timedelta(hours=12)
    both.take(HALF, noon + timedelta(seconds=59))
    with both.kept(history="24h=12h") as mirror:
        assert moments(there)[-1] == ("24h", noon - timedelta(hours=12))
        both.refresh(noon + timedelta(seconds=60))
        mirror.step()
        assert moments(there)[-1] == ("24h", noon)


def test_the_history_of_what_is_newest_comes_first_and_only_when_the_worker_has_caught_up(both, there):
    behind = True
    both.take(HALF, START + 9 * DAY)
    with both.kept(steps=3, caught_up=lambda: not behind) as mirror:
        assert moments(there) == []
        assert readings(there, "metrics")
        behind = False
        step(mirror, 2)
        assert {as_of for _, as_of in moments(there)} == {
            START + 8 * DAY + timedelta(hours=12),
            START + 8 * DAY,
        }


def test_what_comes_late_restates_the_past_by_further_rows_and_changes_none(both, there):
    at = START + 4 * DAY
    survey = written("survey", "s1", START + DAY, contact_id="k1", csat=5)
    both.take([survey, written("contact", "c0", START, contact_id="k0")], at)
    with both.store.reading() as duck, both.kept(history="7d=1d") as mirror:
        first = there.execute("select * from metrics_history").fetchall()
        # its contact says at last what the survey was about: it leaves reason (none) for billing
        late = written("contact", "c1", START + 2 * DAY, contact_id="k1", reason="billing")
        both.take([late], at + timedelta(hours=1))
        step(mirror)
        assert_history_is_what_is_known_now(duck, there, moments(there))
        # and something that leaves these figures as they are, though it is read again
        both.take([written("contact", "c2", START + DAY, contact_id="k2")], at + timedelta(hours=2))
        step(mirror)
    rows = there.execute("select * from metrics_history order by revision").fetchall()
    assert set(first) <= set(rows), "what was said stays as it was said"
    assert all(row[-2:] == (1, at) for row in first)
    told = there.execute(
        "select as_of, member, numerator, denominator, value, revision, recorded_at from metrics_history "
        "where metric = 'csat' and dimension = 'reason' and span = '7d' order by revision, as_of, member"
    ).fetchall()
    days, known = [START + n * DAY for n in (1, 2, 3, 4)], at + timedelta(hours=1)
    expected = [
        *((day, "(none)", 1, 1, 1.0, 1, at) for day in days[:3]),
        *((day, "(none)", 0, 0, None, 2, known) for day in days[1:3]),
        *((day, "billing", 1, 1, 1.0, 1, known) for day in days[1:]),
    ]
    assert sorted(told, key=str_of) == sorted(expected, key=str_of)


def str_of(row: tuple) -> tuple:
    return row[0], row[1], row[5]


def test_an_event_from_before_all_others_brings_moments_before_all_others(both, there):
    both.take([written("contact", "c1", START + 3 * DAY, contact_id="k1")], START + 5 * DAY)
    with both.kept(history="7d=1d") as mirror:
        assert [as_of for _, as_of in moments(there)] == [START + n * DAY for n in (3, 4)]
        both.take([written("contact", "c0", START + DAY, contact_id="k0")], both.now + timedelta(seconds=9))
        step(mirror)
    assert [as_of for _, as_of in moments(there)] == [START + n * DAY for n in (1, 2, 3, 4)]


def test_moments_that_are_kept_no_longer_are_removed_and_others_stay(both, there):
    both.take(HALF, START + 9 * DAY)
    with both.kept(history="24h=1d", keep="5d") as mirror:
        kept = [as_of for _, as_of in moments(there)]
        assert kept == [START + n * DAY for n in (4, 5, 6, 7, 8)]
        both.refresh(START + 10 * DAY)
        step(mirror)
    assert [as_of for _, as_of in moments(there)] == [START + n * DAY for n in (5, 6, 7, 8, 9)]
    assert there.execute("select min(as_of) from metrics_history").fetchall() == [(START + 5 * DAY,)]


def test_a_reader_sees_the_readings_of_one_refresh_and_never_waits_for_the_next(both, postgres, database):
    whole: dict[datetime, set] = {}
    seen: list[tuple] = []
    ended = threading.Event()

    def look() -> None:
        with postgres.connect(database=database, options="-c search_path=firsthand -c lock_timeout=1") as con:
            while not ended.is_set():
                seen.append(tuple(readings(con, "metrics")))

    reader = threading.Thread(target=look)
    with both.store.reading() as duck, both.kept(steps=0, history="") as mirror:
        for n in range(6):
            both.take(VALUES[n * 300 : (n + 1) * 300], START + 14 * DAY + n * timedelta(hours=5))
            whole[both.now] = set(readings(duck, "metrics"))
            mirror.step()
            if n == 0:
                reader.start()
            looked = len(seen)
            until(lambda looked=looked: len(seen) > looked + 1 or not reader.is_alive())
            assert reader.is_alive(), "it had to wait for a lock"
        ended.set()
        reader.join()
    found = [{row[4] for row in rows} for rows in seen]
    assert all(len(as_of) == 1 for as_of in found)
    assert [rows for rows in seen if set(rows) != whole[rows[0][4]]] == []
    assert len({rows[0][4] for rows in seen}) > 3


def test_an_older_copy_of_the_database_puts_all_of_the_past_in_doubt(both, there):
    both.take(HALF, START + 9 * DAY)
    both.bring_up_to_date(history="7d=2d")
    there.execute("update mirror_state set posted = 99")
    there.execute("update metrics_history set value = 0.5, recorded_at = recorded_at")
    with both.store.reading() as duck:
        both.bring_up_to_date(history="7d=2d")
        assert_history_is_what_is_known_now(duck, there, moments(there))
