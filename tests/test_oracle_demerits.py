"""The judge of kind change is judged by hand: what each metric counts as worse, and what is a fall."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from alerts_by_hand import AFTER, CHANGE, CHART, PAST, SUNDAY, WEDNESDAY, chart, evidence, flips, told
from handmade import DAY, HOUR, contact, reopen, survey
from oracle_alerts import standing_flips
from oracle_answers import Definitions
from oracle_durations import BEGINNINGS, class_of, cuts, demerits

from pipeline.alerting.rules import Rules
from pipeline.detection.chart import Chart
from pipeline.detection.tilt import mean, tilted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from oracle import Event

    from pipeline.detection.baseline import Baseline


def test_fcr_settled_is_told_a_follow_up_later() -> None:
    first = contact("past", WEDNESDAY - 8 * DAY, customer_id="p")
    unsolved = [
        contact(f"k{n}", SUNDAY + n * HOUR, customer_id=f"c{n}", outcome="unresolved") for n in range(2)
    ]
    rule = CHANGE | {"metric": "fcr_settled"}
    found = flips([first, *unsolved], **rule)
    assert told(found) == [("firing", 1 + 7 * 24)]
    assert evidence(found[0]) == (7 * 24, 0, 2)
    assert flips([first, *unsolved], SUNDAY + 7 * DAY, **rule) == []
    # a repeat and a reopen are as bad; the repeat itself is no first contact, and no answer
    again = [contact("k0", customer_id="c0"), contact("k1", SUNDAY + HOUR, customer_id="c1")]
    again += [contact("k2", SUNDAY + DAY, customer_id="c0"), reopen("o", SUNDAY + DAY, "k1")]
    assert told(flips([first, *again], SUNDAY + 8 * DAY, **rule)) == [("firing", 1 + 7 * 24)]


def test_f_is_a_setting() -> None:
    rule = Rules.model_validate({"rules": [{"name": "r", **CHANGE, "metric": "fcr_settled"}]})
    events = [contact("past", WEDNESDAY - DAY, customer_id="p")]
    events += [contact(f"k{n}", SUNDAY, customer_id=f"c{n}", outcome="unresolved") for n in range(2)]
    found = standing_flips(events, rule, AFTER, definitions=Definitions(follow_up=HOUR), chart_of=chart)
    assert told(found) == [("firing", 1)]


def test_of_abandonment_more_is_worse() -> None:
    gone = [contact(f"k{n}", SUNDAY + n * HOUR, outcome="abandoned") for n in range(2)]
    stayed = [contact(f"k{n}", SUNDAY + n * HOUR, outcome="resolved") for n in range(2)]
    past = contact("past", WEDNESDAY)
    (flip,) = flips([past, *gone], **CHANGE | {"metric": "abandonment"})
    assert told([flip]) == [("firing", 1)]
    assert evidence(flip) == (0, 2, 2)
    assert flips([past, *stayed], **CHANGE | {"metric": "abandonment"}) == []


@pytest.mark.parametrize(
    ("scores", "raised", "numerator"),
    [([0], 0, -1), ([6], 0, -1), ([7, 8], 1, 0), ([7, 9, 7, 8], 3, 1), ([9, 10, 9], None, 0)],
)
def test_nps_has_two_demerits_for_a_detractor_and_one_for_a_passive(
    scores: list[int], raised: int | None, numerator: int
) -> None:
    events = [PAST, *(survey(f"s{n}", SUNDAY + n * HOUR, nps=nps) for n, nps in enumerate(scores))]
    found = flips(events, **CHANGE | {"metric": "nps"})
    # 7 9 7 8: 2 1 3 5
    assert told(found) == ([] if raised is None else [("firing", raised)])
    assert [flip.numerator for flip in found] == ([] if raised is None else [numerator])


@pytest.mark.parametrize(
    ("metric", "field", "value", "raised"),
    [
        *(("csat_mean", "csat", csat, raised) for csat, raised in ((5, None), (4, 1), (3, 0), (1, 0))),
        *(("effort", "effort", effort, raised) for effort, raised in ((7, None), (6, 1), (5, 0))),
        *(("effort_easy", "effort", effort, raised) for effort, raised in ((5, None), (4, 1))),
        *(("friendliness", "friendliness", given, raised) for given, raised in ((4, None), (3, 1))),
        *(("fcr_survey", "resolved", given, raised) for given, raised in ((True, None), (False, 1))),
    ],
)
def test_a_scores_demerits_are_what_it_lacks_of_the_best(
    metric: str, field: str, value: int, raised: int | None
) -> None:
    best = {"csat": 5, "effort": 7, "friendliness": 5, "resolved": True}[field]
    events = [survey("past", WEDNESDAY, **{field: best})]
    events += [survey(f"s{n}", SUNDAY + n * HOUR, **{field: value}) for n in range(2)]
    assert told(flips(events, **CHANGE | {"metric": metric})) == (
        [] if raised is None else [("firing", raised)]
    )


def test_a_waits_demerits_are_the_deciles_of_history_that_it_exceeds() -> None:
    known: list[Baseline] = []

    def of_ranks(history: Baseline, _tilt: float, _every: float) -> Chart:
        known.append(history)
        return Chart(step=1, allowance=4, limit=6, per_nat=1.0)

    past = [contact(f"p{n}", WEDNESDAY, wait_s=Decimal(n)) for n in range(1, 11)]
    # more than 7 deciles (one equal to the eighth does not exceed it) and than 8: 3, 7
    waits = [contact(f"k{n}", SUNDAY + n * HOUR, wait_s=w) for n, w in enumerate(map(Decimal, ("8", "9")))]
    (flip,) = flips([*past, *waits], chart_of=of_ranks, **CHANGE | {"metric": "wait_mean"})
    assert known[0].counts == (1,) * 10
    assert told([flip]) == [("firing", 1)]
    assert evidence(flip) == (0, Decimal(17), 2)
    abandoned = [contact(f"k{n}", SUNDAY, wait_s=Decimal(1000), outcome="abandoned") for n in range(2)]
    assert flips([*past, *abandoned], chart_of=of_ranks, **CHANGE | {"metric": "wait_mean"}) == []


def test_durations_of_a_class_are_alike_and_a_class_is_an_eighth_of_an_octave() -> None:
    assert [class_of(ms) for ms in (0, 0.5, 1, 2, 3, 4, 999, 1000, 1023, 1024, 2048)] == [
        *(0, 0, 1, 2, 3, 4),
        *(62, 62, 62, 63, 71),
    ]
    assert class_of(10_000_000_000) < len(BEGINNINGS)
    assert demerits(1069, cuts([1000, 1070, 1070])) == 1  # 939 to 1023 ms, then 1024 to 1116
    assert demerits(1023, cuts([1000, 1070, 1070])) == 0


def test_waits_that_are_all_equal_have_no_deciles_and_teach_nothing() -> None:
    past = [contact(f"p{n}", WEDNESDAY, wait_s=Decimal(5)) for n in range(30)]
    slow = [contact(f"k{n}", SUNDAY + n * HOUR, wait_s=Decimal(500)) for n in range(9)]
    assert flips([*past, *slow], SUNDAY + DAY, **CHANGE | {"metric": "wait_mean"}) == []


def asked(events: Sequence[Event], **rule: Any) -> list[tuple[float, float]]:
    """Tilt and run length of each chart that was asked for."""
    found: list[tuple[float, float]] = []

    def noting(_known: Baseline, tilt: float, every: float) -> Chart:
        found.append((tilt, every))
        return CHART

    flips(events, WEDNESDAY + 2 * DAY, chart_of=noting, **rule)
    return found


def test_a_budget_in_time_is_divided_among_the_members_by_their_volume() -> None:
    phone = [survey(f"p{n}", WEDNESDAY, csat=5) for n in range(56)]
    chat = [survey(f"c{n}", WEDNESDAY, csat=5, channel="chat") for n in range(28)]
    rule = CHANGE | {"by": "channel", "false_alarm_every": "10d"}
    # phone has 56 answers on the one day with any, chat 28; each of the two a false alarm in 20 such days
    assert [every for _, every in asked([*phone, *chat], **rule)] == [560.0, 1120.0]
    assert [every for _, every in asked([*phone, *chat], **rule, members=["phone"])] == [560.0]
    assert [every for _, every in asked([*phone, *chat], **rule | {"false_alarm_every": "12h"})] == [
        28.0,
        56.0,
    ]
    assert [every for _, every in asked([*phone, *chat], **CHANGE, by="channel")] == [100.0, 100.0]


def test_a_member_without_settled_answers_has_no_part_in_the_budget() -> None:
    phone = [survey(f"p{n}", WEDNESDAY, csat=5) for n in range(28)]
    chat = survey("c", WEDNESDAY + DAY, csat=5, channel="chat")
    assert asked([*phone, chat], **CHANGE | {"by": "channel", "false_alarm_every": "10d"})[0][1] == 280.0


def test_a_fall_of_waits_makes_each_wait_as_many_times_as_long() -> None:
    past = [contact(f"p{n}", WEDNESDAY, wait_s=Decimal(n)) for n in range(1, 11)]
    # from 5.5 to 11: waits of 2, 4, 6, 8, 10 exceed 1, 3, 5, 7, 9 deciles, the longer ones all 9: 70 of 10
    ((tilt, _),) = asked(past, **CHANGE | {"metric": "wait_mean", "fall": {"to": 11}})
    assert mean(tilted((0.1,) * 10, tilt)) == pytest.approx(7)


def test_a_fall_is_an_odds_ratio_or_a_mean() -> None:
    history = [survey(f"p{n}", WEDNESDAY, csat=1 if n < 10 else 5) for n in range(39)]  # 10.5 of 40 bad
    ((tilt, _),) = asked(history, **CHANGE | {"fall": {"odds": 3}})
    assert tilt == math.log(3)
    ((tilt, _),) = asked(history, **CHANGE | {"fall": {"to": 0.25}})
    assert math.exp(tilt) == pytest.approx(3 / (10.5 / 29.5))
    assert asked(history, **CHANGE | {"fall": {"to": 0.75}}) == []  # it is worse already
