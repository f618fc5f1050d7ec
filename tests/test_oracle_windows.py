"""The judge of kinds threshold and drop is judged by hand: intervals over windows, on a grid."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import oracle_windows
import pytest
from alerts_by_hand import LONG_AFTER, MINUTE, SUNDAY, evidence, flips, told
from handmade import DAY, HOUR, contact, invitation, survey

if TYPE_CHECKING:
    from oracle import Event


@pytest.fixture(autouse=True)
def fine_grid(monkeypatch: pytest.MonkeyPatch) -> None:
    """These cases were worked out by hand on a finer grid than the program's."""
    fine = {"15m": timedelta(minutes=1), "1h": timedelta(minutes=5)}
    monkeypatch.setattr(oracle_windows, "EVERY", oracle_windows.EVERY | fine)


LOW = {"kind": "threshold", "metric": "csat", "span": "15m", "below": 0.5}


def bad(*minutes: float, **fields: Any) -> list[Event]:
    return [survey(f"b{m}", SUNDAY + m * MINUTE, csat=1, **fields) for m in minutes]


def test_a_threshold_asks_the_whole_interval() -> None:
    # 0 of 4 has an interval up to 0.490, 0 of 3 up to 0.561
    assert flips(bad(0, 1, 2), **LOW) == []
    assert told(flips(bad(0, 1, 2, 3), **LOW), unit=MINUTE) == [("firing", 3), ("resolved", 15)]


def test_a_threshold_is_asked_at_moments_of_its_grid_with_an_open_beginning() -> None:
    assert told(flips(bad(0, 1, 2, 2.5), **LOW), unit=MINUTE) == [("firing", 3), ("resolved", 15)]
    assert told(flips(bad(0.5, 1, 2, 3.1), **LOW), unit=MINUTE) == [("firing", 4), ("resolved", 16)]


def test_a_thresholds_evidence_is_the_window_that_raised_it() -> None:
    found = flips([*bad(-1, 0, 1, 2, 3), survey("g", SUNDAY + 4 * MINUTE, csat=5)], **LOW)
    assert told(found, unit=MINUTE) == [("firing", 2), ("resolved", 4)]  # 1 of 6: up to 0.564
    assert {evidence(flip) for flip in found} == {((2 - 15) / 60, 0, 4)}


@pytest.mark.parametrize(
    ("span", "raised", "ended"),
    [
        ("1h", timedelta(minutes=35), timedelta(minutes=95)),
        ("24h", timedelta(hours=1), timedelta(hours=25)),
        ("7d", timedelta(hours=6), timedelta(days=7, hours=6)),
        ("28d", timedelta(hours=12), timedelta(days=28, hours=12)),
    ],
)
def test_longer_spans_have_wider_grids_and_no_answers_end_the_condition(
    span: str, raised: timedelta, ended: timedelta
) -> None:
    found = flips(bad(34, 34.1, 34.2, 34.3), LONG_AFTER, **LOW | {"span": span})
    assert told(found, unit=MINUTE) == [("firing", raised / MINUTE), ("resolved", ended / MINUTE)]


def test_a_threshold_may_be_above() -> None:
    # 4 of 4 has an interval from 0.510
    rule = {"kind": "threshold", "metric": "abandonment", "span": "15m", "above": 0.5}
    gone = [contact(f"k{n}", SUNDAY, outcome="abandoned") for n in range(4)]
    assert told(flips(gone, **rule), unit=MINUTE) == [("firing", 0), ("resolved", 15)]
    assert flips(gone[:3], **rule) == []
    assert flips(gone, **rule | {"above": 0.52}) == []


def test_a_reading_without_interval_raises_nothing() -> None:
    rule = {"kind": "threshold", "metric": "csat_mean", "span": "15m", "below": 3}
    assert flips(bad(0), **rule) == []
    assert told(flips(bad(0, 1), **rule), unit=MINUTE) == [("firing", 1), ("resolved", 15)]
    asked = [invitation(f"i{n}", SUNDAY + MINUTE) for n in range(4)]
    rule = {"kind": "threshold", "metric": "response_rate", "span": "15m", "below": 0.5}
    assert told(flips(asked, **rule), unit=MINUTE) == [("firing", 1), ("resolved", 16)]
    rule = {"kind": "threshold", "metric": "response_rate", "span": "15m", "above": 0.5}
    assert told(flips([*asked, *bad(0, 0.1, 0.2, 0.3)], **rule), unit=MINUTE) == [
        ("firing", 1),
        ("resolved", 15),
    ]
    assert flips([*asked, *bad(0.6, 0.7, 0.8, 0.9, 1)], **rule) == []  # more answers than invitations


def test_a_threshold_of_seconds_is_in_seconds() -> None:
    rule = {"kind": "threshold", "metric": "wait_mean", "span": "15m", "above": 20}
    waits = [contact(f"k{n}", SUNDAY, wait_s=Decimal("20.001")) for n in range(2)]
    (flip, _) = flips(waits, **rule)
    assert (flip.numerator, flip.denominator) == (Decimal("40.002"), 2)
    assert flips([contact(f"k{n}", SUNDAY, wait_s=Decimal(20)) for n in range(2)], **rule) == []
    rule = {"kind": "threshold", "metric": "wait_mean", "span": "15m", "below": 21}
    assert told(flips(waits, **rule), unit=MINUTE) == [("firing", 0), ("resolved", 15)]


def test_fcr_settled_is_read_over_what_was_settled_in_the_window() -> None:
    unsolved = [contact(f"k{n}", customer_id=f"c{n}", outcome="unresolved") for n in range(4)]
    found = flips(unsolved, **LOW | {"metric": "fcr_settled"})
    assert told(found, SUNDAY + 7 * DAY, MINUTE) == [("firing", 0), ("resolved", 15)]


def test_for_and_keep_firing_for_hold_off_the_grid() -> None:
    events = bad(0, 1, 2, 3)
    expected = [("pending", 3), ("firing", 10), ("resolved", 19)]
    assert told(flips(events, **{"for": "7m", "keep_firing_for": "4m"}, **LOW), unit=MINUTE) == expected
    assert told(flips(events, **{"for": "12m"}, **LOW), unit=MINUTE) == [("pending", 3), ("resolved", 15)]


def test_a_survey_that_comes_before_its_contact_is_read_with_hindsight() -> None:
    early = [survey(f"s{n}", SUNDAY, csat=1, contact_id="k") for n in range(4)]
    events = [*early, contact("k", SUNDAY + HOUR, reason="billing")]
    before = flips(events, SUNDAY + HOUR - MINUTE, by="reason", **LOW)
    after = flips(events, SUNDAY + HOUR, by="reason", **LOW)
    assert {flip.member for flip in before} == {"(none)"}
    assert {flip.member for flip in after} == {"billing"}
    assert told(before) == told(after)


DROP = {"kind": "drop", "metric": "csat", "span": "24h", "by_more_than": 0.1}


def good(number: int, weeks_before: int, csat: int = 5) -> list[Event]:
    at = SUNDAY - weeks_before * 7 * DAY
    return [survey(f"w{weeks_before}-{csat}-{n}", at, csat=csat) for n in range(number)]


def test_a_drop_is_against_the_weeks_before_that_have_answers_at_least_two() -> None:
    # 0 of 1 is at most 0.79, and the weeks say 1
    now = bad(0)
    found = flips([*good(10, 2), *good(10, 4), *now], SUNDAY + 2 * DAY, **DROP)
    assert told(found) == [("firing", 0), ("resolved", 24)]
    assert evidence(found[0]) == (-24, 0, 1)
    for weeks in ((1,), (4,), (5, 6), (1, 5)):
        history = [event for week in weeks for event in good(10, week)]
        assert flips([*history, *now], SUNDAY + 2 * DAY, **DROP) == [], weeks


def test_the_weeks_before_are_pooled() -> None:
    # 11 of 40 less a tenth is 0.2475; the mean of 10/10 and 1/30 would be 0.52. 0 of 10 is at most 0.2775
    history = [*good(10, 1), *good(1, 2), *good(29, 2, csat=1)]
    assert flips([*history, *bad(*range(10))], SUNDAY + 2 * DAY, **DROP) == []
    assert flips([*history, *bad(*range(12))], SUNDAY + 2 * DAY, **DROP) != []  # at most 0.2425


def test_a_drop_of_what_is_better_lower_is_a_rise() -> None:
    rule = DROP | {"metric": "abandonment"}
    outcomes = ["abandoned", *["resolved"] * 9]
    history = [
        contact(f"{week}-{n}", SUNDAY - week * 7 * DAY, outcome=outcome)
        for week in (1, 2)
        for n, outcome in enumerate(outcomes)
    ]
    gone = [contact(f"k{n}", outcome="abandoned") for n in range(2)]
    kept = [contact(f"k{n}", outcome="resolved") for n in range(50)]
    assert told(flips([*history, *gone], SUNDAY + 2 * DAY, **rule)) == [("firing", 0), ("resolved", 24)]
    assert flips([*history, *kept], SUNDAY + 2 * DAY, **rule) == []
    assert flips([*history, *gone], SUNDAY + 2 * DAY, **rule | {"by_more_than": 3}) == []  # from 0.34, of 0.4


@pytest.mark.parametrize(
    ("now", "drops"),
    [([0, 0], True), ([0, 0, 0, 7], False), ([0, 0, 0, 0, 0, 0, 0, 7], True)],
)
def test_nps_drops_by_a_part_of_its_way_to_the_worst(now: list[int], drops: bool) -> None:
    # the weeks say 0, so that half of the way is -0.5: -0.75 +- 0.49 is not below it, -0.875 +- 0.245 is
    history = [
        survey(f"{week}-{nps}", SUNDAY - week * 7 * DAY, nps=nps) for week in (1, 2) for nps in (0, 10)
    ]
    events = [*history, *(survey(f"s{n}", SUNDAY, nps=nps) for n, nps in enumerate(now))]
    rule = DROP | {"metric": "nps", "by_more_than": 0.5}
    assert bool(flips(events, SUNDAY + DAY, **rule)) == drops


def of_weeks(number: int, *weeks: int) -> list[Event]:
    return [contact(f"{week}-{n}", SUNDAY - week * 7 * DAY) for week in weeks for n in range(number)]


def test_contacts_drop_when_fewer_come_than_in_the_mean_of_the_weeks() -> None:
    # (2 + 0.98)^2 = 8.88 against 16 x 0.9 = 14.4 and 16 x 0.5 = 8
    events = [*of_weeks(20, 1), *of_weeks(12, 2), *of_weeks(4, 0)]
    rule = DROP | {"metric": "contacts"}
    found = flips(events, SUNDAY + DAY, **rule)
    assert told(found) == [("firing", 0), ("resolved", 24)]
    assert evidence(found[0]) == (-24, 4, 1)
    assert flips(events, SUNDAY + DAY, **rule | {"by_more_than": 0.5}) == []
    assert flips([*of_weeks(16, 1), *of_weeks(4, 0)], SUNDAY + DAY, **rule) == []  # one week: learning


def test_no_contacts_at_all_are_a_drop_too_until_fewer_than_two_weeks_have_any() -> None:
    found = flips(of_weeks(16, 1, 2), LONG_AFTER, **DROP | {"metric": "contacts"})
    assert told(found, unit=DAY) == [
        *(("firing", 0), ("resolved", 1)),
        *(("firing", 7), ("resolved", 8)),  # 14 and 21 days before
        *(("firing", 14), ("resolved", 15)),  # 21 and 28 days before
    ]
    assert {(flip.numerator, flip.denominator) for flip in found} == {(0, 1)}
    # one contact a week is no mean to fall below: 0.96 is not less than 0.9
    assert flips(of_weeks(1, 1, 2), LONG_AFTER, **DROP | {"metric": "contacts"}) == []
