"""The simulator: same arguments, same bytes, as many as asked for, and as the contract has them."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import mean
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.simulate import START, Incident, SimulatedEvent, simulate

DAY_US = 86_400_000_000
START_US = int(START.timestamp()) * 1_000_000
ANSWERS = {"csat": (1, 5), "effort": (1, 7), "nps": (0, 10), "friendliness": (1, 5)}
TEXTS = {
    "customer_id": 128,
    "contact_id": 128,
    "reason": 100,
    "agent_id": 100,
    "team": 100,
    "segment": 100,
    "comment": 4000,
}
CHOICES = {
    "channel": {"phone", "email", "chat", "social", "in_person", "forum"},
    "stage": {"awareness", "pre_purchase", "purchase", "post_purchase"},
    "direction": {"inbound", "outbound"},
    "handled_by": {"human", "bot", "self_service"},
    "outcome": {"resolved", "unresolved", "transferred", "escalated", "abandoned"},
}
REQUIRED = {
    "touchpoint.contact.v1": ("customer_id", "contact_id", "channel"),
    "touchpoint.survey.v1": ("customer_id", "channel"),
    "touchpoint.invitation.v1": ("customer_id", "channel"),
    "touchpoint.reopen.v1": ("customer_id", "contact_id"),
}
PINNED = "d057af8dd0b54d2cf7e65fa928010d0ba99cc778549930cb10abe45208beaa0a"
"""Of the records in `DIGEST`. A change of the simulated world on purpose changes it; nothing else may."""
DIGEST = """
import hashlib
from pipeline.simulate import Incident, simulate
digest = hashlib.sha256()
for event in simulate(20_000, seed=11, customers=3_000, days=14, incident=Incident()):
    digest.update(b"%d %b %b\\n" % event)
print(digest.hexdigest())
"""


def complaint(value: bytes) -> str | None:
    """The contract's rejection reason for a record of the simulator, None where it is sound."""
    try:
        event = json.loads(value.decode())
    except UnicodeDecodeError:
        return "not_utf8"
    except json.JSONDecodeError:
        return "not_json"
    return envelope_complaint(event) if isinstance(event, dict) else "not_an_object"


def envelope_complaint(event: dict[str, Any]) -> str | None:
    names = [event.get(name) for name in ("id", "source", "type", "time")]
    well_named = all(isinstance(name, str) and 1 <= len(name) <= 256 for name in names)
    if event.get("specversion") != "1.0" or not well_named or not isinstance(event.get("data"), dict):
        return "bad_envelope"
    if event["type"] not in REQUIRED:
        return "unknown_type"
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"]):
        return "bad_time"
    return data_complaint(event["type"], event["data"])


def data_complaint(kind: str, data: dict[str, Any]) -> str | None:
    texts = [(data[name], length) for name, length in TEXTS.items() if name in data]
    numbers = [(data[name], *limits) for name, limits in ANSWERS.items() if name in data]
    seconds = [data[name] for name in ("wait_s", "handle_s") if data.get(name) is not None]
    if any(data.get(name) is None for name in REQUIRED[kind]):
        return "missing_field"
    mistyped = {type(text) for text, _ in texts} - {str} | {type(value) for value, _, _ in numbers} - {int}
    if (
        mistyped
        | {type(second) for second in seconds} - {float}
        | {type(data.get("resolved", True))} - {bool}
    ):
        return "wrong_type"
    if not all(0 < len(text) <= length for text, length in texts):
        return "out_of_range"
    in_range = all(low <= value <= high for value, low, high in [*numbers, *((s, 0, 10**7) for s in seconds)])
    return choice_complaint(kind, data) if in_range else "out_of_range"


def choice_complaint(kind: str, data: dict[str, Any]) -> str | None:
    if any(data.get(name) is not None and data[name] not in words for name, words in CHOICES.items()):
        return "unknown_value"
    answered = any(name in data for name in (*ANSWERS, "resolved"))
    return "empty_survey" if kind == "touchpoint.survey.v1" and not answered else None


@pytest.fixture(scope="module")
def events() -> list[SimulatedEvent]:
    """Two slices of a quiet month, nothing broken or repeated."""
    return list(simulate(120_000, seed=5, duplicates=0, broken=0))


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_same_arguments_give_the_same_bytes_in_any_process(hash_seed: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == PINNED


@pytest.mark.parametrize("events", [0, 1, 2, 3, 50, 999, 100_001])
def test_exactly_as_many_events_as_asked_for(events: int) -> None:
    assert sum(1 for _ in simulate(events, seed=3)) == events


def test_a_single_customer_and_a_minute_and_a_half_are_enough() -> None:
    made = list(simulate(500, seed=1, customers=1, days=0.001))
    assert len(made) == 500
    assert len({event.key for event in made}) == 1


def test_runs_with_other_arguments_share_no_id() -> None:
    def ids(**arguments: Any) -> set[str]:
        made = simulate(**{"events": 300, "seed": 1, "broken": 0, **arguments})
        return {json.loads(event.value)["id"] for event in made}

    runs = [ids(), ids(seed=2), ids(events=301), ids(days=27), ids(customers=9), ids(incident=Incident())]
    assert len(set().union(*runs)) == sum(map(len, runs))
    assert all(name[0].isalpha() for name in ids())


def test_whole_numbers_and_floats_of_one_value_are_one_argument() -> None:
    assert list(simulate(50, seed=1, days=28, broken=0)) == list(simulate(50, seed=1, days=28.0, broken=0.0))


def test_every_sound_event_keeps_the_contract(events: list[SimulatedEvent]) -> None:
    assert Counter(map(complaint, (event.value for event in events))) == {None: len(events)}


def test_key_and_moment_are_those_in_the_value(events: list[SimulatedEvent]) -> None:
    for event in events[::7]:
        envelope = json.loads(event.value)
        happened = datetime.fromisoformat(envelope["time"]) - datetime(1970, 1, 1, tzinfo=UTC)
        assert event.key.decode() == envelope["data"]["customer_id"]
        assert event.occurred_at_us == happened // timedelta(microseconds=1)


def test_all_events_happen_within_the_span(events: list[SimulatedEvent]) -> None:
    days = Counter((event.occurred_at_us - START_US) // DAY_US for event in events)
    assert set(days) == set(range(28))


def test_a_start_in_another_offset_is_the_same_moment() -> None:
    made = simulate(200, seed=1, start=datetime.fromisoformat("2026-03-01T05:30:00.25+05:30"), days=1)
    begin = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 1_000_000 + 250_000
    assert all(begin <= event.occurred_at_us < begin + DAY_US for event in made)


def test_no_two_events_have_one_identity_unless_repeated_on_purpose(events: list[SimulatedEvent]) -> None:
    assert len({json.loads(event.value)["id"] for event in events}) == len(events)


def test_json_is_compact_utf8_of_the_usual_size(events: list[SimulatedEvent]) -> None:
    for event in events[::11]:
        value = re.sub(r'_s":[0-9.]+', '_s":1', event.value.decode())
        assert value == json.dumps(json.loads(value), ensure_ascii=False, separators=(",", ":"))
    assert 330 <= mean(len(event.value) for event in events) <= 420


def test_seconds_have_exactly_three_decimals(events: list[SimulatedEvent]) -> None:
    written = [re.findall(rb'"(?:wait|handle)_s":([^,}]+)', event.value) for event in events]
    assert all(
        second == b"null" or re.fullmatch(rb"\d+\.\d{3}", second) for found in written for second in found
    )


def test_duplicates_are_the_same_bytes() -> None:
    made = list(simulate(20_000, seed=2, duplicates=0.01, broken=0))
    copies = len(made) - len({event.value for event in made})
    assert 150 <= copies <= 250
    assert len({json.loads(event.value)["id"] for event in made}) == len({event.value for event in made})


def test_broken_records_earn_many_kinds_of_rejection_and_no_others_are_broken() -> None:
    reasons = Counter(complaint(event.value) for event in simulate(20_000, seed=2, broken=0.05))
    assert 0.04 <= 1 - reasons[None] / 20_000 <= 0.06
    assert set(reasons) - {None} == {
        *("not_utf8", "not_json", "not_an_object", "bad_envelope", "unknown_type", "bad_time"),
        *("missing_field", "wrong_type", "out_of_range", "unknown_value", "empty_survey"),
    }


def test_unless_told_otherwise_about_one_in_a_thousand_is_broken_and_one_repeated() -> None:
    made = list(simulate(50_000, seed=4))
    assert 25 <= sum(complaint(event.value) is not None for event in made) <= 80
    assert 25 <= len(made) - len({event.value for event in made}) <= 80


def test_about_one_in_twenty_comes_late_and_very_few_by_hours(events: list[SimulatedEvent]) -> None:
    delays, latest = [], 0
    for event in events:
        latest = max(latest, event.occurred_at_us)
        delays.append((latest - event.occurred_at_us) / 1_000_000)
    assert 0.03 <= mean(delay > 2 for delay in delays) <= 0.08
    assert 0.0005 <= mean(delay > 3_600 for delay in delays) <= 0.01
    assert max(delays) <= 7 * 3_600 + 10


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"events": -1}, "events is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"customers": 0}, "customers is 0"),
        ({"days": 0}, "days is 0"),
        ({"days": float("nan")}, "days is nan"),
        ({"start": datetime(2026, 1, 5)}, "has no offset"),  # noqa: DTZ001 - that is the mistake
        ({"start": datetime(9998, 12, 31, tzinfo=UTC)}, "leave the years"),
        ({"duplicates": 1.5}, "duplicates is 1.5"),
        ({"broken": -0.1}, "broken is -0.1"),
        ({"incident": Incident(channel="fax")}, "no channel 'fax'"),
        ({"incident": Incident(reason="weather")}, "no reason 'weather'"),
        ({"incident": Incident(starts_at_share=2)}, "starts at 2"),
        ({"incident": Incident(wait_factor=0)}, "wait_factor is 0"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_at_once(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        simulate(**{"events": 1, "seed": 1, **wrong})
