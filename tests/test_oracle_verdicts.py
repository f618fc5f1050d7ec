"""The judge of single records is judged by hand, and by construction: what we broke is broken."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from histories import events
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from oracle_json import NotJsonError, Number, read_json
from oracle_verdicts import LARGEST, Verdict, exact, milliseconds, moment, verdict
from records import as_json, harmful, harmless, records

CONTACT = {"customer_id": "c", "contact_id": "k", "channel": "phone"}
SURVEY = {"customer_id": "c", "channel": "email", "csat": 5}
CLEF = "\U0001d11e"
DEEP = "[" * 30_000 + "]" * 30_000


def record(kind: str, data: dict[str, Any], /, **envelope: Any) -> bytes:
    whole = {"specversion": "1.0", "id": "e", "source": "s", "type": f"touchpoint.{kind}.v1"}
    whole |= {"time": "2026-11-21T10:00:00Z", "data": data} | envelope
    return json.dumps({name: value for name, value in whole.items() if value != "left out"}).encode()


def contact(**fields: Any) -> Verdict:
    return verdict(record("contact", CONTACT | fields), None)


def survey(**fields: Any) -> Verdict:
    return verdict(record("survey", SURVEY | fields), None)


def envelope(**attributes: Any) -> str | None:
    return verdict(record("contact", CONTACT, **attributes), None).reason


# --- the whole record ---------------------------------------------------------------------------------


def test_a_tombstone_is_neither_accepted_nor_rejected() -> None:
    assert verdict(None, 0) == Verdict("tombstone")


def test_a_contact_has_defaults_that_other_types_have_not() -> None:
    event, answer = contact().event, survey(direction="outbound", wait_s="not even a number").event
    assert event is not None
    assert answer is not None
    assert (event.direction, event.handled_by, event.outcome) == ("inbound", "human", None)
    assert (answer.direction, answer.handled_by, answer.wait_s) == (None, None, None)


def test_64_kib_are_allowed_and_one_byte_more_is_too_large() -> None:
    value = record("contact", CONTACT)
    assert verdict(value.ljust(LARGEST), None).kind == "accepted"
    assert verdict(value.ljust(LARGEST + 1), None).reason == "too_large"
    assert verdict(b"\xff" * (LARGEST + 1), None).reason == "too_large"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b'{"a": "\xff"}', "not_utf8"),
        (b'{"a": "\xed\xa0\x80"', "not_utf8"),  # a surrogate in UTF-8, and no JSON besides
        (b"", "not_json"),
        (b"\xef\xbb\xbf{}", "not_json"),
        (b"[NaN]", "not_json"),
        (b'["\\ud800"]', "not_json"),
        (b'["\\u0000"]', "not_json"),
        (b"[" * 30_000, "not_json"),
        (DEEP.encode(), "not_an_object"),
        (b" null ", "not_an_object"),
        (b'"{}"', "not_an_object"),
        (b"{}", "bad_envelope"),
    ],
)
def test_what_is_no_event_at_all(value: bytes, reason: str) -> None:
    assert verdict(value, None).reason == reason


def test_unknown_fields_of_any_depth_are_ignored() -> None:
    value = record("contact", CONTACT | {"x": "deep"}).replace(b'"deep"', DEEP.encode())
    assert verdict(value, None).kind == "accepted"


@pytest.mark.parametrize("name", ["id", "source", "specversion", "type", "time", "data"])
def test_an_attribute_missing_null_or_mistyped_is_a_bad_envelope(name: str) -> None:
    for wrong in ("left out", None, 1.0, True, [], ["1.0"]):
        assert envelope(**{name: wrong}) == "bad_envelope"


def test_names_are_1_to_256_code_points() -> None:
    for name in ("id", "source"):
        assert [envelope(**{name: good}) for good in ("a", CLEF * 256, "(none)", " ")] == [None] * 4
        assert [envelope(**{name: bad}) for bad in ("", CLEF * 257)] == ["bad_envelope"] * 2


def test_envelope_type_time_and_fields_complain_in_this_order() -> None:
    empty: dict[str, Any] = {"data": {}}
    assert envelope(specversion="1.1", type="x", time="y", **empty) == "bad_envelope"
    assert envelope(type="x", time="y", **empty) == "unknown_type"
    assert envelope(time="y", **empty) == "bad_time"
    assert envelope(**empty) == "missing_field"


def test_five_minutes_ahead_are_allowed_and_a_microsecond_more_is_the_future() -> None:
    ten = 1_795_255_200_000  # 2026-11-21T10:00:00Z in ms
    on_time, ahead = record("contact", CONTACT), record("contact", {}, time="2026-11-21T10:00:00.000001Z")
    cut = record("contact", CONTACT, time="2026-11-21T10:00:00.0000009Z")
    assert verdict(on_time, ten - 300_000).kind == "accepted"
    assert verdict(cut, ten - 300_000).kind == "accepted"
    assert verdict(ahead, ten - 300_000).reason == "time_in_future"
    assert verdict(on_time, ten - 300_001).reason == "time_in_future"
    assert verdict(ahead, None).reason == "missing_field"


# --- fields -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("absent", ["", "(none)", None])
def test_an_absent_text_is_null_or_missing_where_it_is_required(absent: str | None) -> None:
    event = contact(reason=absent, agent_id=absent).event
    assert event is not None
    assert (event.reason, event.agent_id) == (None, None)
    assert contact(customer_id=absent).reason == "missing_field"
    assert contact(contact_id=absent).reason == "missing_field"


def test_lengths_are_in_code_points() -> None:
    limits = {
        "customer_id": 128,
        "contact_id": 128,
        "reason": 100,
        "agent_id": 100,
        "team": 100,
        "segment": 100,
    }
    for name, limit in limits.items():
        assert contact(**{name: CLEF * limit}).kind == "accepted"
        assert contact(**{name: CLEF * (limit + 1)}).reason == "out_of_range"
    assert survey(comment="é" * 4000).kind == "accepted"
    assert survey(comment="é" * 4001).reason == "out_of_range"
    assert contact(comment="é" * 4001).kind == "accepted"  # no field of a contact


def test_a_choice_is_one_of_the_list_to_the_letter() -> None:
    for wrong in ("", "(none)", "Phone", "phone ", "fax"):
        assert contact(channel=wrong).reason == "unknown_value"
        assert contact(stage=wrong).reason == "unknown_value"
        assert contact(outcome=wrong).reason == "unknown_value"
    assert contact(channel=7).reason == "wrong_type"
    assert contact(channel=None).reason == "missing_field"
    assert contact(direction=None, handled_by=None, outcome=None, stage=None).kind == "accepted"


def test_whole_numbers_may_be_written_with_a_point() -> None:
    for good in ("4", "4.0", "4e0", "40e-1", "0.4e1"):
        event = verdict(
            record("survey", SURVEY).replace(b'"csat": 5', b'"csat": ' + good.encode()), None
        ).event
        assert event is not None
        assert event.csat == 4
    assert survey(csat=4.5).reason == "wrong_type"
    assert survey(csat="4").reason == "wrong_type"
    assert survey(csat=True).reason == "wrong_type"
    assert survey(csat=6).reason == "out_of_range"
    assert survey(nps=-1).reason == "out_of_range"
    assert survey(nps=-0.0).kind == "accepted"


def waiting(written: str) -> Verdict:
    value = record("contact", CONTACT | {"wait_s": 5})
    return verdict(value.replace(b'"wait_s": 5', f'"wait_s": {written}'.encode()), None)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("0", {"0.000"}),
        ("-0", {"0.000"}),
        ("1.0004", {"1.000"}),
        ("1.0006", {"1.001"}),
        ("1.0005", {"1.000", "1.001"}),
        ("1e7", {"10000000.000"}),
        ("67.52", {"67.520"}),
        ("1e-999999999999", {"0.000"}),
    ],
)
def test_seconds_are_kept_to_the_nearest_millisecond(written: str, stored: set[str]) -> None:
    value = record("contact", CONTACT | {"wait_s": 5}).replace(
        b'"wait_s": 5', f'"wait_s": {written}'.encode()
    )
    assert verdict(value, None).seconds["wait_s"] == {Decimal(text) for text in stored}


@pytest.mark.parametrize("written", ["-0.0001", "10000000.0001", "1e400", "-1e400", "9" * 5000])
def test_seconds_out_of_range(written: str) -> None:
    value = record("contact", CONTACT | {"wait_s": 5}).replace(
        b'"wait_s": 5', f'"wait_s": {written}'.encode()
    )
    assert verdict(value, None).reason == "out_of_range"


def test_on_an_exact_half_a_verdict_allows_both_neighbours_and_nothing_else() -> None:
    judged = contact(wait_s=2.0005, handle_s=1)
    assert judged.event is not None
    fields = vars(judged.event)
    for wait, allowed in {"2.000": True, "2.001": True, "2.002": False}.items():
        assert judged.allows(type(judged.event)(**fields | {"wait_s": Decimal(wait)})) is allowed
    assert not judged.allows(type(judged.event)(**fields | {"handle_s": Decimal("1.001")}))
    assert not judged.allows(type(judged.event)(**fields | {"team": "blue"}))


def test_a_survey_without_an_answer_is_empty_whatever_its_comment() -> None:
    assert survey(csat=None, comment="fine").reason == "empty_survey"
    assert survey(csat=None, resolved=False).kind == "accepted"
    assert survey(csat=None, channel="fax").reason == "unknown_value"


def test_among_fields_the_first_complaint_in_the_contracts_order_counts() -> None:
    assert survey(csat="5", nps=11, channel="fax", customer_id=None).reason == "missing_field"
    assert survey(csat="5", nps=11, channel="fax").reason == "wrong_type"
    assert survey(nps=11, channel="fax").reason == "out_of_range"
    assert survey(channel="fax").reason == "unknown_value"


def test_what_each_type_requires() -> None:
    def reason(kind: str, **data: Any) -> str | None:
        return verdict(record(kind, {"customer_id": "c"} | data), None).reason

    assert reason("invitation") == "missing_field"
    assert reason("invitation", channel="chat") is None
    assert reason("reopen") == "missing_field"
    assert reason("reopen", contact_id="k") is None
    assert reason("reopen", contact_id="k", channel="fax") == "unknown_value"
    assert reason("erasure") is None
    assert reason("erasure", customer_id="") == "missing_field"


# --- time and numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-11-21t10:00:00.1234569+01:00", datetime(2026, 11, 21, 9, 0, 0, 123456, tzinfo=UTC)),
        ("2026-11-21T10:00:00.5-23:59", datetime(2026, 11, 22, 9, 59, 0, 500000, tzinfo=UTC)),
        ("2024-02-29T00:00:00z", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1969-12-31T23:59:59.9999999-00:00", datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("0000-12-31T23:30:00-00:30", None),
        ("9999-12-31T23:59:59.999999Z", datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("0001-01-01T00:00:00+00:01", None),
        ("9999-12-31T23:59:59-00:01", None),
        ("2026-02-29T00:00:00Z", None),
        ("1900-02-29T00:00:00Z", None),
        ("2016-12-31T23:59:60Z", None),
        ("2026-11-21T24:00:00Z", None),
        ("2026-11-21 10:00:00Z", None),
        ("2026-11-21T10:00:00", None),
        ("2026-11-21T10:00:00+24:00", None),
        ("2026-11-21T10:00:00+00:60", None),
        ("2026-11-21T10:00:00.Z", None),
        ("2026-11-21T10:00:00Z\n", None),
        ("2026-11-2\u0661T10:00:00Z", None),
    ],
)
def test_moments(text: str, found: datetime | None) -> None:
    assert moment(text) == found


def test_numbers_are_what_was_written() -> None:
    assert exact(Number("-1.50e2")) == -150
    assert exact(Number("1e400")) == Decimal(10) ** 400
    assert exact(Number("0e99999999999999999999")) == 0
    assert exact(Number("1E+99999999999999999999")) > 10**9
    assert 0 < exact(Number("1e-99999999999999999999")) < 1
    assert milliseconds(Decimal("0.00049999")) == {Decimal("0.000")}


# --- by construction ----------------------------------------------------------------------------------

calm = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))


@calm
@given(st.data())
def test_an_event_that_breaks_no_rule_is_accepted(data: st.DataObject) -> None:
    event = data.draw(events().flatmap(harmless))
    assert verdict(as_json(event, ascii_only=False).encode(), None).reason is None


@calm
@given(st.data())
def test_an_event_that_breaks_a_rule_is_rejected(data: st.DataObject) -> None:
    event = data.draw(events().flatmap(harmful))
    assert verdict(as_json(event, ascii_only=True).encode(), None).kind == "rejected"


def plain(value: Any) -> Any:
    """What the standard library makes of a value that the judge has read."""
    if isinstance(value, Number):
        return json.loads(value.text) if len(value.text) < 4000 else value.text
    if isinstance(value, list):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in value.items()} if isinstance(value, dict) else value


def refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def long_as_text(digits: str) -> int | str:
    return int(digits) if len(digits) < 4000 else digits


def check_strings(value: Any) -> None:
    """Complain of U+0000 and lone surrogates, of which the standard library thinks nothing."""
    if isinstance(value, str) and "\0" in value.encode().decode():
        raise ValueError("a string holds U+0000")
    if isinstance(value, list | dict):
        for part in value:
            check_strings(part)
    if isinstance(value, dict):
        check_strings([*value.values()])


@calm
@given(records())
def test_the_reader_of_json_agrees_with_the_standard_library(value: bytes) -> None:
    assume(len(value.split(b"[[[[")) < 3)
    assume(len(value.split(b'{"a":{"a":')) < 3)  # too deep for the library, which calls itself
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    try:
        expected = json.loads(text, parse_constant=refuse, parse_int=long_as_text)
        check_strings(expected)
    except ValueError:
        with pytest.raises(NotJsonError):
            read_json(text)
    else:
        assert plain(read_json(text)) == expected
