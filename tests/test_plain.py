"""What is read straight into columns, against the judge: the same event, or no event at all."""

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from records import stamped_records

from bench.hostile_records import records
from pipeline.errors import FirsthandError
from pipeline.fields import FIELDS, NAMED, TYPES
from pipeline.judge import Touchpoint, judge
from pipeline.plain import events
from pipeline.plain.events import plain_events
from pipeline.plain.structures import MOST_FIELDS, MOST_TYPES
from pipeline.rfc3339 import LAST_US, instant
from pipeline.simulate import simulate

EVENT = (
    b'{"specversion":"1.0","id":"e1","source":"s","type":"touchpoint.contact.v1",'
    b'"time":"2026-11-01T10:00:00Z","data":{"customer_id":"c1","contact_id":"k1","channel":"phone"%s}}'
)


def touchpoints(values):
    """What is plainly right, as the judge has it, by number."""
    found, words = plain_events(values, np.full(len(values), LAST_US))
    texts = [None, *words]
    rows = zip(*(column.to_pylist() for column in found.values()), strict=True)
    return {row[0]: as_touchpoint(dict(zip(found, row, strict=True)), texts) for row in rows}


def as_touchpoint(row, texts):
    event = {"id": row["id"]}
    for field in FIELDS:
        value = row[field.name]
        if field.name in NAMED:
            value = texts[value]
        elif field.kind == "choice" and value is not None:
            value = field.choices[value]
        event[field.name.replace("_s", "_ms") if field.kind == "seconds" else field.name] = value
    return Touchpoint(
        **event, source=texts[row["source"]], type=TYPES[row["type"]], occurred_at_us=row["occurred_at"]
    )


def differences(values):
    """The records that are plainly right, but not as the judge says."""
    found = touchpoints(values)
    return [(values[n], event) for n, event in found.items() if judge(values[n], None) != event]


@settings(max_examples=300, deadline=None)
@given(stamped=st.lists(stamped_records(), min_size=1, max_size=12))
def test_what_is_plainly_right_is_right(stamped):
    assert differences([value for value, _ in stamped]) == []


@settings(max_examples=500, deadline=None)
@given(value=st.binary(max_size=200).map(lambda junk: EVENT % junk), cut=st.integers(0, 250))
@example(value=EVENT % b',"reason":"\\ud83d\\ude00 \\u00e9\\n\\/"', cut=250)
@example(value=EVENT % b',"reason":"\\ud83d"', cut=250)
@example(value=EVENT % b',"reason":"\\u0000"', cut=250)
@example(value=EVENT % b',"reason":"\xed\xa0\x80"', cut=250)
@example(value=EVENT % b',"reason":"\xc0\x80"', cut=250)
@example(value=EVENT % b',"reason":"a\x00"', cut=250)
@example(value=EVENT % b',"wait_s":10000000.00000001', cut=250)
@example(value=EVENT % b',"wait_s":0.00000000000001', cut=250)
@example(value=EVENT % b',"handle_s":0.0005,"wait_s":0.0015', cut=250)
@example(value=EVENT % b',"wait_s":01', cut=250)
@example(value=EVENT % b',"reason":"x"}', cut=250)
@example(value=EVENT % b"" + b" \x00", cut=250)
def test_any_bytes_within_an_event_and_any_end_of_it_are_read_as_the_judge_reads_them(value, cut):
    assert differences([value, value[:cut], value]) == []


def test_hostile_records_are_read_as_the_judge_reads_them():
    values = [value for _, value in records(3, 20_000)]
    assert differences(values) == []


def test_of_what_desks_send_all_that_is_right_is_plainly_right():
    values = [each.value for each in simulate(20_000, 5)]
    right = [n for n, value in enumerate(values) if isinstance(judge(value, None), Touchpoint)]
    assert list(touchpoints(values)) == right


@pytest.mark.parametrize(
    "written",
    [
        b',"reason":"caf\xc3\xa9 \xf0\x9f\x98\x80"',
        b',"reason":"caf\\u00e9 \\ud83d\\ude00 \\"quoted\\" \\\\"',
        b' , "reason" : "billing" , "note" : { "a" : [ 1 , -2.5e+7 , { } , [ ] , null , true , "\\n" ] } ',
        b',"r\\u0065ason":"billing"',
        b',"reason":"(none)","agent_id":"","team":null',
        b',"csat":"of another type","comment":5,"resolved":[]',
    ],
)
def test_what_is_usual_somewhere_needs_no_judge(written):
    [event] = touchpoints([EVENT % written]).values()
    assert event == judge(EVENT % written, None)


DAYS = [
    f"{year:04}-{month:02}-{day:02}"
    for year in (0, 1, 1600, 1900, 1969, 1970, 2000, 2023, 2024, 9999)
    for month in range(14)
    for day in (0, 1, 27, 28, 29, 30, 31, 32)
]
CLOCKS = [
    *(
        "T00:00:00Z",
        "t23:59:59z",
        "T24:00:00Z",
        "T10:60:00Z",
        "T10:00:60Z",
        "T10:00:00",
        "T10:00Z",
        " 10:00:00Z",
    ),
    *(
        "T00:00:00.1Z",
        "T00:00:00.Z",
        "T00:00:00.123456789+23:59",
        "T23:59:59.999999-23:59",
        "T10:00:00+24:00",
    ),
    *("T10:00:00+1:00", "T10:00:00+01:60", "T10:00:00+0100", "T10:00:00Z ", "T10:00:00ZZ", "T1a:00:00Z"),
]


def test_moments_are_those_of_rfc_3339():
    times = [f"{day}{clock}" for day in DAYS for clock in CLOCKS]
    events = touchpoints([EVENT.replace(b"2026-11-01T10:00:00Z", time.encode()) % b"" for time in times])
    right = {n: us for n, time in enumerate(times) if (us := instant(time)) is not None}
    assert {n: event.occurred_at_us for n, event in events.items()} == right
    assert len(right) > 2_500


@pytest.mark.parametrize(
    "twice", [b'"customer_id":"c1"', b'"reason":null,"reason":"a"', b'"channel":"phone"']
)
def test_of_two_equal_keys_the_judge_decides(twice):
    assert touchpoints([EVENT % (b"," + twice + b"," + twice)]) == {}
    assert touchpoints([EVENT.replace(b'"id":"e1"', b'"id":"e1","id":"e2"') % b""]) == {}


def test_there_is_room_for_every_type_and_field():
    assert len(TYPES) <= MOST_TYPES
    assert len(FIELDS) <= MOST_FIELDS


def test_a_record_later_than_it_may_be_is_left_to_the_judge():
    moment = 1_793_527_200_000_000
    found, _ = plain_events([EVENT % b""] * 2, np.array([moment, moment - 1]))
    assert found["n"].to_pylist() == [0]
    assert found["occurred_at"].to_pylist() == [moment]


def test_many_texts_each_once_are_told_apart():
    reasons = [f"reason {n}" for n in range(20_000)]
    events = touchpoints([EVENT % f',"reason":"{each}"'.encode() for each in reasons])
    assert [event.reason for event in events.values()] == reasons


@pytest.mark.parametrize("name", ["events.c", "json.h", "values.h"])
def test_a_library_that_is_older_than_its_sources_is_refused(tmp_path, name):
    shutil.copytree(Path(events.__file__).parent, tmp_path / "plain")
    assert events._library(tmp_path / "plain").read_plain
    with (tmp_path / "plain" / name).open("a") as file:
        file.write("\n")
    with pytest.raises(FirsthandError, match="plain was compiled from other sources: `make setup`"):
        events._library(tmp_path / "plain")


CHECKED = """
import ctypes, random, sys
from bench.hostile_records import records
from pipeline.plain import events
from tests.test_plain import differences, spoilt
checked = ctypes.CDLL(sys.argv[1]).read_plain
checked.restype, checked.argtypes = events._read.restype, events._read.argtypes
events._read = checked
values = [value for _, value in records(8, 3_000)]
chance = random.Random(4)
values += [spoilt(value, chance) for value in values if value and len(value) < 5_000]
assert differences(values) == []
"""


def spoilt(value: bytes, chance: random.Random) -> bytes:
    """The record with a few bytes changed, left out or doubled."""
    spoiled = bytearray(value)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(spoiled) + 1)
        spoiled[at : at + chance.randrange(3)] = chance.choice(
            (
                b'"',
                b"\\",
                b"\\u",
                b"{",
                b"[",
                b"\xf0",
                b"\xe2\x80",
                b"\x00",
                b"9",
                b"-",
                b"e",
                b",",
                b"",
                value[:9],
            )
        )
    return bytes(spoiled)


def test_no_byte_beyond_what_is_handed_in_is_read_or_written(tmp_path):
    """By the compiler's own checks: of addresses, and of what C leaves undefined."""
    compiler = shutil.which("gcc")
    if compiler is None:
        assert not os.environ.get("CI"), "CI has gcc"
        pytest.skip("there is no gcc, whose checks these are")
    library = tmp_path / "plain_checked.so"
    checks = "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1", "-shared", "-fPIC"
    source = Path(__file__).parents[1] / "pipeline" / "plain" / "events.c"
    subprocess.run([compiler, *checks, "-o", library, source], check=True)
    runtime = subprocess.run(
        [compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    )
    ended = subprocess.run(
        [sys.executable, "-c", CHECKED, library],
        cwd=Path(__file__).parents[1],
        env={
            **os.environ,
            "LD_PRELOAD": runtime.stdout.strip(),
            "ASAN_OPTIONS": "detect_leaks=0",
            "PYTHONMALLOC": "malloc",
            "PYTHONPATH": "tests",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-3000:]
