"""What the judge says at the edges of the contract, by hand."""

import decimal
import doctest
import json
import re
import sys
from types import ModuleType
from typing import Any

import pytest

from pipeline import judge as judge_module
from pipeline import rfc3339, strict_json
from pipeline.fields import MAX_RECORD_BYTES, REASONS, TYPES
from pipeline.judge import Touchpoint, Verdict, judge

CONTACT = {"customer_id": "c", "contact_id": "k", "channel": "phone"}
SURVEY = {"customer_id": "c", "channel": "phone"}
ABSENT = object()


def record(kind: str = "contact", **attributes: Any) -> bytes:
    """The bytes of an event; what `raw` gave stands in them as written, ABSENT not at all."""
    event = {
        "specversion": "1.0",
        "id": "e",
        "source": "s",
        "type": f"touchpoint.{kind}.v1",
        "time": "2026-11-21T10:00:00Z",
        "data": CONTACT,
    } | attributes
    text = json.dumps({key: value for key, value in event.items() if value is not ABSENT})
    return re.sub('"raw:([0-9a-f]*)"', lambda match: bytes.fromhex(match[1]).decode(), text).encode()


def raw(written: str) -> str:
    return f"raw:{written.encode().hex()}"


def contact(**data: Any) -> Touchpoint | Verdict:
    return judge(record(data={**CONTACT, **data}), None)


def survey(**data: Any) -> Touchpoint | Verdict:
    return judge(record("survey", data={**SURVEY, **data}), None)


def reason(verdict: Touchpoint | Verdict) -> str:
    assert isinstance(verdict, Verdict), f"accepted: {verdict}"
    return verdict.reason


def accepted(verdict: Touchpoint | Verdict) -> Touchpoint:
    assert isinstance(verdict, Touchpoint), verdict
    return verdict


# --- what is accepted ---


def test_contact_is_read_with_its_defaults() -> None:
    assert contact(wait_s=1.5, csat=99) == Touchpoint(
        source="s",
        id="e",
        type="touchpoint.contact.v1",
        occurred_at_us=1795255200000000,
        customer_id="c",
        contact_id="k",
        channel="phone",
        direction="inbound",
        handled_by="human",
        wait_ms=1500,
    )


def test_fields_of_another_type_are_not_read_whatever_they_hold() -> None:
    foreign = {"direction": 7, "handled_by": "dog", "outcome": [], "wait_s": -1, "handle_s": "x"}
    touchpoint = accepted(survey(csat=5, **foreign))
    assert touchpoint[7:10] == (None, None, None)
    assert (touchpoint.wait_ms, touchpoint.handle_ms) == (None, None)


def test_texts_that_mean_absent_are_absent_and_others_are_kept_as_they_are() -> None:
    touchpoint = accepted(contact(reason="(none)", agent_id="", team=" ", segment="(None)"))
    assert (touchpoint.reason, touchpoint.agent_id) == (None, None)
    assert (touchpoint.team, touchpoint.segment) == (" ", "(None)")


def test_survey_keeps_its_answers_false_and_zero_included() -> None:
    touchpoint = accepted(survey(resolved=False, nps=0, comment="ok"))
    assert (touchpoint.resolved, touchpoint.nps, touchpoint.csat) == (False, 0, None)


# --- numbers ---


@pytest.mark.parametrize("written", ["4", "4.0", "4e0", "40e-1", "0.4E+1", "4.000000e00", f"4.{'0' * 9000}"])
def test_integer_may_be_written_in_any_way(written: str) -> None:
    csat = accepted(survey(csat=raw(written))).csat
    assert csat == 4
    assert type(csat) is int


@pytest.mark.parametrize("written", ["0", "-0", "0.0", "-0.0", "0e9999999999999999999999", "-0e-5", "0e+5"])
def test_zero_is_zero_however_written(written: str) -> None:
    assert accepted(survey(nps=raw(written))).nps == 0
    assert accepted(contact(wait_s=raw(written))).wait_ms == 0


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("4.5", "wrong_type"),
        ("99.5", "wrong_type"),
        (f"4.{'0' * 9000}1", "wrong_type"),
        ("1e-400", "wrong_type"),
        ("1e-99999999999999999999999", "wrong_type"),
        ('"4"', "wrong_type"),
        ("true", "wrong_type"),
        ("[4]", "wrong_type"),
        ("0", "out_of_range"),
        ("6", "out_of_range"),
        ("-4", "out_of_range"),
        ("1e400", "out_of_range"),
        ("-1e400", "out_of_range"),
        ("1e99999999999999999999999", "out_of_range"),
        ("9" * 5000, "out_of_range"),
        (f"{'9' * 5000}.0", "out_of_range"),
    ],
    ids=lambda written: written[:24],
)
def test_number_is_no_csat(written: str, expected: str) -> None:
    assert reason(survey(csat=raw(written))) == expected


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("12.345", 12345),
        ("12.3456", 12346),
        ("12.3454999999999999999999999999999999999999999", 12345),
        ("0.00050000000000000000000000000000000000000001", 1),
        ("0.0004999999999999999999999999999999999999999999", 0),
        ("1e-400", 0),
        ("1e-99999999999999999999999", 0),
        ("1e7", 10_000_000_000),
        ("9999999.9999", 10_000_000_000),
        ("8.7", 8700),
    ],
)
def test_seconds_are_kept_to_the_nearest_millisecond(written: str, milliseconds: int) -> None:
    wait_ms = accepted(contact(wait_s=raw(written))).wait_ms
    assert wait_ms == milliseconds
    assert type(wait_ms) is int


@pytest.mark.parametrize(
    "written", ["10000000.0000000000000000000000001", "-1e-400", "1e400", "-1", "9" * 5000]
)
def test_seconds_outside_their_range_are_refused_before_rounding(written: str) -> None:
    assert reason(contact(handle_s=raw(written))) == "out_of_range"


def test_decimal_context_of_the_caller_does_not_count() -> None:
    with decimal.localcontext(decimal.Context(prec=1, traps=[decimal.Inexact, decimal.Rounded])):
        assert accepted(contact(wait_s=raw("1234567.8916"))).wait_ms == 1_234_567_892
        assert accepted(survey(nps=raw("1e1"))).nps == 10


# --- nesting ---


def test_escapes_of_a_pair_are_one_code_point() -> None:
    assert accepted(contact(reason=raw('"' + r"\ud83d\ude00" * 100 + '"'))).reason == "😀" * 100


@pytest.mark.parametrize("depth", [1, 100, 900, 1000, 5000, 30_000])
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")])
def test_depth_changes_no_verdict(depth: int, opening: str, closing: str) -> None:
    depth = min(depth, 64_000 // len(opening + closing))
    deep = raw(opening * depth + ("1" if closing == "}" else "") + closing * depth)
    value = "1" if closing == "}" else ""
    whole = (opening * depth + value + closing * depth).encode()
    accepted(contact(unknown=deep))
    accepted(judge(record(unknown=deep), None))
    assert reason(contact(reason=deep)) == "wrong_type"
    assert reason(judge(record(id=deep), None)) == "bad_envelope"
    assert reason(judge(record(data=[deep]), None)) == "bad_envelope"
    assert reason(judge(whole, None)) == ("bad_envelope" if closing == "}" else "not_an_object")
    assert reason(judge(whole[:-1], None)) == "not_json"
    assert reason(judge(whole + closing.encode(), None)) == "not_json"


def test_depth_of_the_callers_stack_changes_no_verdict() -> None:
    value = record(data={**CONTACT, "unknown": raw("[" * 500 + "]" * 500)})

    def far_down(levels: int) -> Touchpoint | Verdict:
        return far_down(levels - 1) if levels else judge(value, None)

    used = len(_frames())
    results = {far_down(levels) for levels in range(0, sys.getrecursionlimit() - used - 60, 40)}
    assert results == {judge(value, None)}


def _frames() -> list[Any]:
    frames: list[Any] = [sys._getframe()]
    while frames[-1].f_back:
        frames.append(frames[-1].f_back)
    return frames


# --- size and encoding ---


@pytest.mark.parametrize(("size", "fits"), [(MAX_RECORD_BYTES, True), (MAX_RECORD_BYTES + 1, False)])
def test_record_of_64_kib_fits_and_one_byte_more_does_not(size: int, fits: bool) -> None:
    verdict = judge(record().ljust(size), None)
    assert isinstance(verdict, Touchpoint) if fits else reason(verdict) == "too_large"
    assert reason(judge(b"\xff" * size, None)) == ("not_utf8" if fits else "too_large")


@pytest.mark.parametrize("wrong", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"])
def test_bytes_that_are_not_utf8_are_told_before_broken_json(wrong: bytes) -> None:
    assert reason(judge(b'{"a": ' + wrong, None)) == "not_utf8"


@pytest.mark.parametrize("value", [b"", b" ", b"\xef\xbb\xbf{}", b"{}{}", b"\x00"])
def test_bytes_that_are_not_one_json_value_are_not_json(value: bytes) -> None:
    assert reason(judge(value, None)) == "not_json"


# --- envelope and time ---


def shown(value: Any) -> str:
    """A value in the name of a test, the same in every process."""
    return "absent" if value is ABSENT else str(value)


@pytest.mark.parametrize("attribute", ["specversion", "id", "source", "type", "time", "data"])
@pytest.mark.parametrize("value", [ABSENT, None, 1, True, [], raw("1.0")], ids=shown)
def test_attribute_that_is_missing_or_of_another_type_breaks_the_envelope(attribute: str, value: Any) -> None:
    assert reason(judge(record(**{attribute: value}), None)) == "bad_envelope"


@pytest.mark.parametrize("attribute", ["id", "source"])
def test_identity_is_1_to_256_code_points(attribute: str) -> None:
    assert getattr(accepted(judge(record(**{attribute: "😀" * 256}), None)), attribute) == "😀" * 256
    assert getattr(accepted(judge(record(**{attribute: "(none)"}), None)), attribute) == "(none)"
    for value in ("", "x" * 257):
        assert reason(judge(record(**{attribute: value}), None)) == "bad_envelope"


def test_five_minutes_after_the_kafka_timestamp_is_the_limit() -> None:
    ten = 1_795_255_200_000
    assert accepted(judge(record(time="2026-11-21T10:05:00.0000009Z"), ten))
    assert reason(judge(record(time="2026-11-21T10:05:00.000001Z"), ten)) == "time_in_future"
    assert accepted(judge(record(time="2026-11-21T10:05:00.000001Z"), None))


# --- which reason, and how it is told ---


def test_first_reason_of_the_list_is_told_where_several_apply() -> None:
    wrong: dict[str, Any] = {"customer_id": 5, "channel": "fax", "csat": 9, "comment": "only"}
    late = {"time": "2027-01-01T00:00:00Z"}
    steps = [
        ("too_large", record("x", time="x", data=1).ljust(70_000)),
        ("bad_envelope", record("x", time="x", data=1)),
        ("unknown_type", record("x", time="x", data={})),
        ("bad_time", record("survey", time="x", data={})),
        ("time_in_future", record("survey", data={}, **late)),
        ("missing_field", record("survey", data={**wrong, "channel": None})),
        ("wrong_type", record("survey", data=wrong)),
        ("out_of_range", record("survey", data={**wrong, "customer_id": "c"})),
        ("unknown_value", record("survey", data={"customer_id": "c", "channel": "fax"})),
        ("empty_survey", record("survey", data=SURVEY)),
    ]
    assert [reason(judge(value, 1_795_255_200_000)) for _, value in steps] == [name for name, _ in steps]
    assert sorted(steps, key=lambda step: REASONS.index(step[0])) == steps


@pytest.mark.parametrize("kind", TYPES)
def test_customer_is_required_by_every_type(kind: str) -> None:
    for customer in ("", "(none)", None):
        data = {**CONTACT, "csat": 3, "customer_id": customer}
        assert reason(judge(record(type=kind, data=data), None)) == "missing_field"


@pytest.mark.parametrize(
    ("field", "longest"), [("customer_id", 128), ("contact_id", 128), ("reason", 100), ("team", 100)]
)
def test_length_is_counted_in_code_points(field: str, longest: int) -> None:
    assert getattr(accepted(contact(**{field: "é" * longest})), field) == "é" * longest
    assert reason(contact(**{field: "é" * (longest + 1)})) == "out_of_range"


@pytest.mark.parametrize("text", ["", "(none)", "Phone", "phone ", "4"])
def test_text_that_is_no_channel_is_an_unknown_value(text: str) -> None:
    assert reason(contact(channel=text)) == "unknown_value"


def test_detail_is_one_short_line_that_names_the_field_and_what_stood_there() -> None:
    assert contact(channel="fax") == Verdict(
        "unknown_value", "data.channel: 'fax' is none of phone, email, chat, social, in_person, forum"
    )
    assert survey(csat=raw("4.50")) == Verdict("wrong_type", "data.csat: 4.50 is not an integer")
    long = contact(outcome="two\nlines\u2028" * 900)
    assert isinstance(long, Verdict)
    assert len(long.detail) < 200
    assert len(long.detail.splitlines()) == 1


def test_of_two_equal_keys_one_counts_and_none_is_an_error() -> None:
    accepted(judge(record().replace(b'"id": "e"', b'"id": "e", "id": "f"'), None))


@pytest.mark.parametrize("module", [judge_module, strict_json, rfc3339], ids=lambda module: module.__name__)
def test_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
