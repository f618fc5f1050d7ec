"""The set-wise decoder against the oracle's verdicts, record by record, and against the judge."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_events import Event
from oracle_verdicts import verdict
from records import stamped_records
from test_schemas import ANY_EVENT, broken_events, good_events

from pipeline.arrivals import Arrivals
from pipeline.batch import RecordBatch
from pipeline.decode import DECODED, decode
from pipeline.fields import FIELDS, MAX_RECORD_BYTES, NAMED
from pipeline.names import Names
from pipeline.schema import create_schema
from pipeline.settings import Definitions

COLUMNS = ("source", "id", "type", "occurred_at", *(field.name for field in FIELDS))
PLAIN = (
    b'{"specversion":"1.0","id":"e%d","source":"s","type":"touchpoint.contact.v1",'
    b'"time":"2026-11-01T10:00:00Z","data":{"customer_id":"c1","contact_id":"k1","channel":"phone"%s}}'
)


@pytest.fixture(scope="module")
def con():
    with duckdb.connect(":memory:") as connection:
        connection.execute("set global TimeZone = 'UTC'; set threads = 1")
        create_schema(connection, Definitions())
        yield connection


def as_event(row, texts):
    """A decoded row as the oracle has it: its texts for their numbers, seconds for milliseconds."""
    named = {name: texts.get(row[name]) for name in ("source", *NAMED)}
    seconds = {
        name: None if (ms := row[name.replace("_s", "_ms")]) is None else Decimal(ms) / 1000
        for name in ("wait_s", "handle_s")
    }
    return Event(**{name: (row | named | seconds)[name] for name in COLUMNS})


def decoded(con, stamped):
    """What the decoder made of (value, timestamp) pairs: events and rejections by number."""
    values = [value for value, _ in stamped]
    batch = RecordBatch("t", 0, 0, len(values), range(len(values)), values=values)
    arrivals = Arrivals([batch])
    arrivals.stamps = [stamp for _, stamp in stamped]
    found = decode(arrivals)
    named = found.named(Names(con))
    texts = dict(con.execute("select number, name from internal.names where number > 0").fetchall())
    events = {row["n"]: as_event(row, texts) for row in named.to_pylist()}
    return events, found.rejected


@settings(max_examples=100, deadline=None)
@given(events=st.lists(st.one_of(good_events(), broken_events()), min_size=5, max_size=15))
def test_the_decoder_and_the_json_schemas_agree(con, events):
    """Calendars at the ends of time aside, which no schema can see."""
    values = [json.dumps(event).encode() for event in events]
    found, rejected = decoded(con, [(value, None) for value in values])
    for n, event in enumerate(events):
        if n in rejected and rejected[n].reason == "bad_time" and event["time"].startswith(("0001", "9999")):
            continue
        if len(values[n]) <= MAX_RECORD_BYTES:
            assert (n in found) == ANY_EVENT.is_valid(event), (event, rejected.get(n))


@settings(max_examples=250, deadline=None)
@given(stamped=st.lists(stamped_records(), min_size=1, max_size=12))
def test_every_record_gets_the_verdict_of_the_oracle(con, stamped):
    events, rejected = decoded(con, stamped)
    for n, (value, stamp) in enumerate(stamped):
        expected = verdict(value, stamp)
        if expected.kind == "accepted":
            assert expected.allows(events[n]), (value, events[n], expected)
        elif expected.kind == "rejected":
            assert rejected[n].reason == expected.reason, (value, stamp, rejected.get(n))
        assert (n in events) + (n in rejected) == (expected.kind != "tombstone")


def survey(**data):
    """A survey's bytes with these fields in its data."""
    event = {"specversion": "1.0", "id": "e1", "source": "s", "type": "touchpoint.survey.v1"}
    base = {"customer_id": "c1", "channel": "phone", "csat": 5}
    return json.dumps({**event, "time": "2026-11-01T10:00:00Z", "data": {**base, **data}}).encode()


@pytest.mark.parametrize("name", [field.name for field in FIELDS if field.kind == "text"])
@pytest.mark.parametrize("bare", [5, -5, 4.5, True, False, [1], {"a": 1}], ids=str)
def test_a_bare_value_is_no_text_although_it_looks_like_one_once_unquoted(con, name, bare):
    events, rejected = decoded(
        con, [(survey(**{name: bare}), None), (survey(**{name: json.dumps(bare)}), None)]
    )
    assert rejected[0].reason == "wrong_type"
    assert getattr(events[1], name) == json.dumps(bare)


def test_the_plain_majority_never_reaches_the_judge(monkeypatch):
    """Otherwise the fast path has quietly become the slow one."""
    plain = [PLAIN % (n, b',"reason":"billing","wait_s":12.5,"outcome":"resolved"') for n in range(50)]
    arrivals = Arrivals([RecordBatch("t", 0, 0, 50, range(50), values=plain)])
    monkeypatch.setattr("pipeline.decode.judge", lambda *_: pytest.fail("judged"))
    assert len(decode(arrivals).events) == 50


def test_a_fraction_past_the_sixth_digit_is_cut_not_rounded(con):
    value = PLAIN.replace(b"10:00:00Z", b"10:00:00.1234567+01:00") % (1, b"")
    events, _ = decoded(con, [(value, None)])
    assert events[0].occurred_at == datetime(2026, 11, 1, 9, 0, 0, 123456, tzinfo=UTC)


def test_every_field_has_its_column():
    columns = {name.replace("_ms", "_s") for name in DECODED.names}
    assert {field.name for field in FIELDS} <= columns


@pytest.mark.parametrize("stamp", [-(2**63), -(2**62), -(10**16), -1, 0, 10**13, 10**16, 2**62, 2**63 - 1])
def test_a_timestamp_may_be_any_number(con, stamp):
    value = PLAIN % (1, b"")
    events, rejected = decoded(con, [(value, stamp)])
    right = verdict(value, stamp)
    assert (len(events), [each.reason for each in rejected.values()]) == (
        (1, []) if right.event else (0, [right.reason])
    )
