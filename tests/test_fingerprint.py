"""One line for one set of events: whatever way they came, and never the same for another set."""

import gzip
import json
from collections.abc import Iterator

import duckdb
import pytest
from deliveries import NOON, NOW, batch, emptied, in_memory, new_store, record
from histories import arrivals, histories, written_otherwise
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batch import RecordBatch
from pipeline.database import open_reader
from pipeline.fingerprint import fingerprint
from pipeline.replay import read_lines, replay
from pipeline.settings import Definitions
from pipeline.store import Store


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as found:
        yield found


def of(con: duckdb.DuckDBPyConnection, *values: bytes) -> str:
    """The fingerprint of these records alone."""
    Store(emptied(con)).ingest([batch(values)], NOW)
    return fingerprint(con)


@st.composite
def ways(draw: st.DrawFn, history: list[dict[str, object]]) -> list[list[RecordBatch]]:
    """A history's arrival in any order and cut, with copies and broken records, in 1 to 7 partitions."""
    copies = [draw(written_otherwise(each)) for each in draw(st.lists(st.sampled_from(history), max_size=5))]
    pieces = draw(arrivals([*history, *copies]))
    partitions = draw(st.integers(1, 7))
    reached = dict.fromkeys(range(partitions), 0)
    calls: list[list[RecordBatch]] = [[]]
    for values in pieces:
        partition = draw(st.integers(0, partitions - 1))
        others = draw(st.lists(st.sampled_from([None, b"{", b"[]"]), max_size=2))
        calls[-1].append(batch([*values, *others], reached[partition], partition))
        reached[partition] += len(values) + len(others)
        if draw(st.booleans()):
            calls.append([])
    return calls


def assert_one_line(con: duckdb.DuckDBPyConnection, data: st.DataObject) -> None:
    """Two ways of one history, drawn, have one fingerprint."""
    history = data.draw(histories(max_size=25))
    lines = set()
    for _ in range(2):
        store = Store(emptied(con), fold_facts=data.draw(st.sampled_from([1, 5, 10**9])))
        for call in data.draw(ways(history)):
            store.ingest(call, NOW)
        if data.draw(st.booleans()):
            store.refresh(NOW)
        lines.add(fingerprint(con))
    assert len(lines) == 1


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_any_order_repetition_cut_partitioning_and_folding_give_one_line(con, data):
    assert_one_line(con, data)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_of_many_ways_gives_one_line(con, data):
    assert_one_line(con, data)


CONTACT = {
    "customer_id": "c1",
    "contact_id": "k1",
    "channel": "phone",
    "direction": "inbound",
    "stage": "purchase",
    "handled_by": "human",
    "outcome": "resolved",
    "reason": "r",
    "agent_id": "a",
    "team": "t",
    "segment": "s",
    "wait_s": 1.5,
    "handle_s": 2,
}
SURVEY = {
    "customer_id": "c1",
    "contact_id": "k1",
    "channel": "phone",
    "csat": 4,
    "effort": 5,
    "nps": 9,
    "friendliness": 4,
    "resolved": True,
    "comment": "fine",
}
OTHERWISE = [
    *(
        ("contact", name, "x")
        for name in ("customer_id", "contact_id", "reason", "agent_id", "team", "segment")
    ),
    *(("contact", name, value) for name, value in (("channel", "chat"), ("stage", "awareness"))),
    *(("contact", name, value) for name, value in (("direction", "outbound"), ("handled_by", "bot"))),
    *(("contact", name, value) for name, value in (("outcome", "transferred"), ("wait_s", 1.501))),
    *(("contact", name, value) for name, value in (("handle_s", None),)),
    *(("survey", name, value) for name, value in (("csat", 5), ("effort", 6), ("nps", 10))),
    *(("survey", name, value) for name, value in (("resolved", False), ("comment", "Fine"))),
    *(("survey", name, value) for name, value in (("friendliness", 5), ("contact_id", None))),
]
"""Of one of two events one field, as it is not in the original; many change no reading."""
ABSENT = [
    *(("contact", name, None) for name in CONTACT if name not in {"customer_id", "contact_id", "channel"}),
    *(("survey", name, None) for name in SURVEY if name not in {"customer_id", "channel"}),
]


OTHER = {
    "customer_id": "c2",
    "contact_id": "k2",
    "channel": "chat",
    "direction": "outbound",
    "stage": "awareness",
    "handled_by": "bot",
    "outcome": "transferred",
    "reason": "r2",
    "agent_id": "a2",
    "team": "t2",
    "segment": "s2",
    "wait_s": 2.5,
    "handle_s": 3,
    "csat": 5,
    "effort": 6,
    "nps": 10,
    "friendliness": 5,
    "resolved": False,
    "comment": "good",
}


@pytest.mark.parametrize(("kind", "whole"), [("contact", CONTACT), ("survey", SURVEY)])
def test_it_tells_which_of_two_like_events_bears_which_value(con, kind, whole):
    """Most such swaps change no total: they show only in the part of the line that speaks of events."""
    for name, value in whole.items():
        one, other = whole, whole | {name: OTHER[name]}
        assert value != OTHER[name]
        there = of(con, record("e1", NOON, kind, **one), record("e2", NOON, kind, **other))
        here = of(con, record("e1", NOON, kind, **other), record("e2", NOON, kind, **one))
        assert there != here, name


@pytest.mark.slow
def test_one_field_of_one_event_makes_another_line(con):
    lines = {"as it was": of(con, record("e1", **CONTACT), record("e2", NOON, "survey", **SURVEY))}
    for kind, name, value in [*OTHERWISE, *ABSENT]:
        first = record("e1", **CONTACT | ({name: value} if kind == "contact" else {}))
        second = record("e2", NOON, "survey", **SURVEY | ({name: value} if kind == "survey" else {}))
        lines[f"{kind}.{name}={value}"] = of(con, first, second)
    for same in ("contact.direction=None", "contact.handled_by=None"):  # absent means what it was
        assert lines.pop(same) == lines["as it was"]
    assert len(set(lines.values())) == len(lines), lines


def test_another_envelope_or_a_missing_event_makes_another_line(con):
    contact, survey = record("e1", **CONTACT), record("e2", NOON, "survey", **SURVEY)
    lines = {
        "as it was": of(con, contact, survey),
        "id": of(con, contact.replace(b'"e1"', b'"e3"'), survey),
        "source": of(con, contact.replace(b'"crm"', b'"ivr"'), survey),
        "id of the survey": of(con, contact, survey.replace(b'"e2"', b'"e3"')),
        "time": of(con, contact.replace(b"12:00:00", b"12:00:00.000001"), survey),
        "type": of(con, contact, survey.replace(b"survey.v1", b"invitation.v1")),
        "the survey missing": of(con, contact),
        "the contact missing": of(con, survey),
        "both missing": of(con),
        "one more": of(con, contact, survey, record("e4", kind="erasure")),
    }
    assert len(set(lines.values())) == len(lines), lines


def test_texts_that_run_into_each_other_are_told_apart(con):
    pairs = [
        ({"team": "a", "segment": "b"}, {"team": "ab", "segment": None}),
        ({"team": 'a","b'}, {"team": "a", "segment": "b"}),
        ({"team": "null"}, {"team": None}),
    ]
    for one, other in pairs:
        assert of(con, record("e1", **one)) != of(con, record("e1", **other)), (one, other)


def test_other_ways_to_write_an_event_are_no_other_event(con):
    plain = record("e1", "2026-11-08T12:00:00Z", wait_s=4, reason=None, direction="inbound")
    loose = json.dumps(
        json.loads(
            record("e1", "2026-11-08t13:00:00.0000009+01:00", wait_s=4.0, reason="(none)", handled_by=None)
        )
        | {"unknown": [1]},
        indent=1,
    ).encode()
    assert of(con, plain) == of(con, loose) == of(con, loose, plain)


def test_rejected_records_tombstones_and_coordinates_leave_no_trace(con):
    alone = of(con, record("e1"))
    store = Store(emptied(con))
    store.ingest([batch([b"{", None, record("e1")], 1_000, 6)], NOON)
    store.refresh(NOON)
    assert fingerprint(con) == alone


def test_other_definitions_make_another_line(con):
    with in_memory(Definitions(service_level_ms=30_000)) as other:
        assert of(other, record("e1")) != of(con, record("e1"))


def test_a_wrong_number_in_the_database_shows(con):
    """Not only the events: what was computed from them is in the line."""
    right = of(con, record("e1"))
    con.execute("update internal.events set first_contacts = 2")
    assert fingerprint(con) != right


def test_replay_from_plain_and_packed_file_and_a_live_store_give_one_line(tmp_path):
    values = [record(f"e{n}", NOON, customer_id=f"c{n % 5}", wait_s=n / 8) for n in range(200)]
    values += [record(f"s{n}", NOON, "survey", contact_id=f"e{n}", csat=1 + n % 5) for n in range(0, 200, 3)]
    (tmp_path / "e.jsonl").write_bytes(b"\n".join(values))
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(b"\r\n".join(values[::-1]) + b"\n"))
    lines = set()
    for number, name in enumerate(("e.jsonl", "e.jsonl.gz")):
        with new_store(tmp_path / f"{number}.duckdb") as store:
            replay(store, read_lines(tmp_path / name, max_records=90), NOW)
        with open_reader(tmp_path / f"{number}.duckdb") as con:
            lines.add(fingerprint(con))
    with new_store(tmp_path / "live.duckdb", fold_facts=50) as store, store.reading() as con:
        for number, first in enumerate(range(0, len(values), 70)):
            store.ingest([batch(values[first : first + 70], 0, number)], NOW)
            store.refresh(NOW)
        lines.add(fingerprint(con))
    assert len(lines) == 1
