"""The judge of alerts is judged by hand: from conditions to flips; and silence."""

from __future__ import annotations

import pytest
from alerts_by_hand import CHANGE, PAST, SUNDAY, flips, hourly, told
from handmade import HOUR, contact, reopen, survey


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (3, [("pending", 1), ("firing", 4), ("resolved", 5)]),
        (4, [("pending", 1), ("resolved", 5)]),  # ended by then: it never fired
    ],
)
def test_with_for_it_is_pending_and_fires_if_it_has_not_ended_by_then(
    hours: int, expected: list[tuple[str, float]]
) -> None:
    assert told(flips([PAST, *hourly("bbgggg")], **{"for": f"{hours}h"}, **CHANGE)) == expected


def test_nothing_is_told_before_its_time() -> None:
    events = [PAST, *hourly("bbgggg")]
    how = {"for": "2h", "keep_firing_for": "3h", **CHANGE}
    whole = [("pending", 1.0), ("firing", 3.0), ("resolved", 8.0)]
    for hour in range(10):
        assert told(flips(events, SUNDAY + hour * HOUR, **how)) == [each for each in whole if each[1] <= hour]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        (1, [("firing", 1), ("resolved", 6), ("firing", 7), ("resolved", 12)]),
        (2, [("firing", 1), ("resolved", 13)]),  # raised again at the very moment: it goes on
        (5, [("firing", 1), ("resolved", 16)]),
    ],
)
def test_keep_firing_for_joins_what_is_raised_again_by_then(
    hours: int, expected: list[tuple[str, float]]
) -> None:
    events = [PAST, *hourly("bbggggbbgggg")]
    assert told(flips(events, keep_firing_for=f"{hours}h", **CHANGE)) == expected


def test_a_pending_alert_is_not_kept() -> None:
    events = [PAST, *hourly("bbggggbbgggg")]
    expected = [("pending", 1), ("resolved", 5), ("pending", 7), ("resolved", 11)]
    assert told(flips(events, **{"for": "4h", "keep_firing_for": "5h"}, **CHANGE)) == expected


def test_what_goes_on_firing_is_not_held_back_again() -> None:
    events = [PAST, *hourly("bbggggbbgggg")]
    expected = [("pending", 1), ("firing", 4), ("resolved", 13)]
    assert told(flips(events, **{"for": "3h", "keep_firing_for": "2h"}, **CHANGE)) == expected


def test_silence_is_told_after_its_time_and_ends_with_the_next_event() -> None:
    events = [contact("a", SUNDAY), survey("b", SUNDAY + HOUR, csat=5), contact("c", SUNDAY + 5 * HOUR)]
    events += [contact("d", SUNDAY + 6 * HOUR, channel="chat"), reopen("e", SUNDAY + 7 * HOUR, "a")]
    rule = {"kind": "silence", "after": "2h"}
    phone = {**rule, "members": ["phone"]}
    assert told(flips(events, SUNDAY + 8 * HOUR, **phone)) == [("firing", 3), ("resolved", 5), ("firing", 7)]
    assert told(flips(events, SUNDAY + 7 * HOUR, **phone)) == [("firing", 3), ("resolved", 5)]
    assert {flip.member for flip in flips(events, **rule)} == {"phone", "chat"}
    (*_, last) = flips(events, by="all", **rule)
    assert (last.member, last.since, last.occurred_at) == ("all", SUNDAY + 7 * HOUR, SUNDAY + 9 * HOUR)
    assert {flip.member for flip in flips(events, by="source", **rule)} == {"s"}


def test_a_gap_of_exactly_the_time_is_no_silence() -> None:
    events = [contact("a", SUNDAY), contact("b", SUNDAY + 2 * HOUR)]
    assert flips(events, SUNDAY + 4 * HOUR, kind="silence", after="2h") == []


def test_quality_and_usual_silence_are_not_judged_and_provisional_metrics_are_refused() -> None:
    assert flips(hourly("bb"), kind="quality") == []
    assert flips(hourly("bb"), kind="silence") == []
    with pytest.raises(ValueError, match="provisional"):
        flips(hourly("bb"), kind="threshold", metric="fcr", span="15m", below=0.5)
