"""The judge of kind change is judged by hand: scores, and the charts that they are kept by."""

from __future__ import annotations

import math

import pytest
from alerts_by_hand import (
    CHANGE,
    CHART,
    LONG_AFTER,
    MINUTE,
    MONDAY,
    PAST,
    SUNDAY,
    WEDNESDAY,
    evidence,
    flips,
    hourly,
    told,
)
from handmade import DAY, HOUR, survey

from pipeline.detection.baseline import Baseline, baseline
from pipeline.detection.caution import Learning, prepared
from pipeline.detection.chart import Chart, first_alarm


@pytest.mark.parametrize(
    ("answers", "raised", "since", "good", "count"),
    [
        ("bb", 1, 0, 0, 2),
        ("gbb", 2, 1, 0, 2),
        ("bgbgb", 4, 0, 2, 5),  # 2 1 3 2 4
        ("gbggbgbb", 7, 4, 1, 4),  # 0 2 1 0 2 1 3 5: since the answer after the last 0
    ],
)
def test_a_change_is_raised_by_the_answer_at_which_the_score_reaches_the_limit(
    answers: str, raised: int, since: int, good: int, count: int
) -> None:
    (flip,) = flips([PAST, *hourly(answers)], **CHANGE)
    assert told([flip]) == [("firing", raised)]
    assert evidence(flip) == (since, good, count)


@pytest.mark.parametrize("answers", ["b", "bgbg", "gggg", "bggbggbggb"])
def test_below_the_limit_nothing_is_told(answers: str) -> None:
    assert flips([PAST, *hourly(answers)], **CHANGE) == []


@pytest.mark.parametrize(("answers", "ended"), [("bbgggg", 5), ("bbggbgggg", 8), ("bbbgggg", 6)])
def test_a_change_ends_when_the_answers_since_say_healthy_as_clearly(answers: str, ended: int) -> None:
    assert told(flips([PAST, *hourly(answers)], **CHANGE)) == [("firing", 1), ("resolved", ended)]


def test_a_change_goes_on_while_the_recovery_is_not_as_clear() -> None:
    assert told(flips([PAST, *hourly("bbgggbggbgg")], **CHANGE)) == [("firing", 1)]


def test_after_its_end_the_score_is_0_again_and_what_came_before_is_no_evidence() -> None:
    found = flips([PAST, *hourly("bbggggbb")], **CHANGE)
    assert told(found) == [("firing", 1), ("resolved", 5), ("firing", 7)]
    assert evidence(found[-1]) == (6, 0, 2)
    assert told(flips([PAST, *hourly("bbggggb")], **CHANGE)) == [("firing", 1), ("resolved", 5)]


def test_answers_of_one_moment_are_taken_the_better_first() -> None:
    at_once = [survey(f"s{n}", SUNDAY, csat=csat) for n, csat in enumerate((1, 1, 5, 5))]
    assert [evidence(flip) for flip in flips([PAST, *at_once], **CHANGE)] == [(0, 0, 2)]
    # b at 0, then g and b at once: 2 1 3, where b and g would have reached 4
    events = [*hourly("b"), survey("x", SUNDAY + HOUR, csat=1), survey("y", SUNDAY + HOUR, csat=5)]
    assert flips([PAST, *events], **CHANGE) == []


def test_each_member_has_a_score_of_its_own_and_given_members_alone_are_watched() -> None:
    events = [PAST, survey("past2", WEDNESDAY, csat=5, channel="chat")]
    events += [survey("p", SUNDAY, csat=1), survey("c", SUNDAY + HOUR, csat=1, channel="chat")]
    assert flips(events, by="channel", **CHANGE) == []
    assert told(flips(events, **CHANGE)) == [("firing", 1)]
    events += [survey("d", SUNDAY + 2 * HOUR, csat=1, channel="chat")]
    (flip,) = flips(events, by="channel", **CHANGE)
    assert (flip.rule, flip.dimension, flip.member) == ("r", "channel", "chat")
    assert flips(events, by="channel", members=["phone"], **CHANGE) == []


def test_settled_history_is_28_days_without_the_day_before() -> None:
    midnight = WEDNESDAY.replace(hour=0)
    # Wednesday's answer is history from the beginning of Friday on, for 28 days
    assert told(flips([PAST, *hourly("bb", midnight + 2 * DAY)], **CHANGE), midnight, DAY) == [
        ("firing", 2 + 1 / 24)
    ]
    assert flips([PAST, *hourly("bb", midnight + 2 * DAY - HOUR)], **CHANGE) == []
    # the chart of Monday 23 November still has it (26 days ago), that of the 30th does not
    sunday = midnight + 32 * DAY
    assert told(flips([PAST, *hourly("bb", sunday)], sunday + 2 * HOUR, **CHANGE), sunday) == [("firing", 1)]
    assert flips([PAST, *hourly("bb", sunday + DAY)], LONG_AFTER, **CHANGE) == []


def test_a_learning_member_follows_no_answers_and_each_day_tries_again() -> None:
    def with_three(known: Baseline, _tilt: float, _every: float) -> Chart | Learning:
        return CHART if known.answers >= 3 else Learning(3 - known.answers)

    wednesday_after = WEDNESDAY + 7 * DAY
    events = [*hourly("bb", WEDNESDAY), *hourly("bb", wednesday_after)]
    # three answers by Wednesday noon: settled, and the day before left out, on Friday
    later = [*hourly("bb", wednesday_after + DAY), *hourly("bb", wednesday_after + 2 * DAY)]
    assert told(flips(events + later, chart_of=with_three, **CHANGE), wednesday_after, DAY) == [
        ("firing", 2 + 1 / 24)
    ]
    assert flips(events, chart_of=with_three, **CHANGE) == []


def test_on_monday_the_score_is_kept_in_nats() -> None:
    finer = Chart(step=6, allowance=2, limit=8, per_nat=2.0)

    def renewed(known: Baseline, _tilt: float, _every: float) -> Chart:
        return CHART if known.answers == 1 else finer

    saturday = survey("saturday", SUNDAY - DAY, csat=5)
    events = [PAST, saturday, *hourly("b"), *hourly("b", MONDAY)]
    # 2 on Sunday is 4 from Monday on, and 4 more are 8; from 0 or from 2 the limit would not be reached
    assert told(flips(events, chart_of=renewed, **CHANGE), MONDAY) == [("firing", 0)]
    (flip,) = flips(events, chart_of=renewed, **CHANGE)
    assert (flip.since, flip.numerator, flip.denominator) == (SUNDAY, 0, 2)
    # the recovery score too: 3 on Sunday is 6, and one good answer of 2 makes 8
    events = [PAST, saturday, *hourly("bbggg"), *hourly("g", MONDAY)]
    assert told(flips(events, chart_of=renewed, **CHANGE), MONDAY) == [("firing", -11), ("resolved", 0)]


def test_a_score_that_monday_rounds_to_0_begins_its_evidence_anew() -> None:
    coarse = Chart(step=2, allowance=1, limit=1, per_nat=0.2)

    def renewed(known: Baseline, _tilt: float, _every: float) -> Chart:
        return CHART if known.answers == 1 else coarse

    events = [PAST, survey("saturday", SUNDAY - DAY, csat=5), *hourly("b"), *hourly("b", MONDAY)]
    (flip,) = flips(events, MONDAY + HOUR, chart_of=renewed, **CHANGE)
    assert (flip.occurred_at, flip.since, flip.denominator) == (MONDAY, MONDAY, 1)


def test_only_monday_renews_a_chart() -> None:
    asked: list[int] = []

    def noting(known: Baseline, _tilt: float, _every: float) -> Chart:
        asked.append(known.answers)
        return CHART

    flips([PAST, *hourly("g", WEDNESDAY + 4 * DAY)], MONDAY, chart_of=noting, **CHANGE)
    assert asked == [1, 1, 2]  # Friday 30 October, Monday 2 November, Monday 9 November


def test_who_has_to_learn_again_on_monday_is_not_raised_any_more() -> None:
    # the past is 33 days old on Monday 30 November, and Sunday's bad answers are settled: forbid them
    def past_alone(known: Baseline, _tilt: float, _every: float) -> Chart | Learning:
        return CHART if known.counts == (1, 0) else Learning(1)

    found = flips([PAST, *hourly("bb")], chart_of=past_alone, **CHANGE)
    assert [(flip.state, flip.occurred_at) for flip in found] == [
        ("firing", SUNDAY + HOUR),
        ("resolved", MONDAY + 7 * DAY),
    ]


def test_a_real_chart_of_real_history_fires_where_the_program_s_own_arithmetic_does() -> None:
    """`first_alarm` is proven elsewhere, and shares no line with the judge."""
    monday = MONDAY - 14 * DAY
    daily = [
        survey(f"h{day}-{n}", monday + day * DAY + n * HOUR, csat=1 if (day + n) % 5 == 0 else 5)
        for day in range(28)
        for n in range(20)
    ]
    fallen = [survey(f"f{n}", monday + 28 * DAY + n * MINUTE, csat=1 if n % 3 else 5) for n in range(400)]
    counts = [0 if event.csat == 5 else 1 for event in daily]
    settled = [(20 - sum(counts[20 * day : 20 * day + 20]),) for day in range(27)]
    made = prepared(baseline([(good, 20 - good) for (good,) in settled]), math.log(2), 10_000)
    assert isinstance(made, Chart)
    watch = first_alarm(made, [1 if n % 3 else 0 for n in range(400)])
    assert watch is not None
    found = flips(
        [*daily, *fallen],
        monday + 29 * DAY,
        chart_of=prepared,
        **CHANGE | {"false_alarm_every": "10000 answers"},
    )
    assert [flip.state for flip in found] == ["firing"]
    assert abs((found[0].occurred_at - monday - 28 * DAY) / MINUTE - (watch.seen - 1)) <= 6
