"""What is healthy comes from history: robustly, with caution, and shared by a family under one budget."""

import math
import random
from collections.abc import Iterator
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.baseline import Baseline, _blocks, baseline
from pipeline.detection.caution import Learning, answers_missing, doubt, healthy, prepared
from pipeline.detection.chart import Chart
from pipeline.detection.design import chart_for
from pipeline.detection.durations import counts, cuts, demerits, tilt_of
from pipeline.detection.family import false_alarms_a_day, lengths_by_time
from pipeline.detection.run_length import run_length
from pipeline.detection.tilt import mean, tilted
from pipeline.errors import InputError

DOUBLED_ODDS = math.log(2)


def days(draws: random.Random, shares: list[float], answers: int = 60) -> list[tuple[int, int]]:
    """One day for each share of bad answers, of so many answers."""
    bad = [sum(draws.random() < share for _ in range(answers)) for share in shares]
    return [(answers - each, each) for each in bad]


def seeded(number: int) -> random.Random:
    return random.Random(number)  # noqa: S311 - a simulation


def known(answers: int, bad: int) -> Baseline:
    return Baseline((answers - bad, bad), dispersion=1.0, blocks=20, left_out=0)


def shares_of(histories: Iterator[Baseline]) -> list[float]:
    return [each.counts[1] / each.answers for each in histories]


def test_a_baseline_of_quiet_days_is_all_of_them() -> None:
    draws = seeded(1)
    found = [baseline(days(draws, [0.15] * 28)) for _ in range(200)]
    assert sum(each.left_out for each in found) < 0.03 * sum(each.blocks for each in found)
    assert median(each.counts[1] / each.answers for each in found) == pytest.approx(0.15, abs=0.003)
    assert median(each.dispersion for each in found) < 1.2


def test_the_days_left_over_join_the_last_block_and_no_answer_is_lost_or_counted_twice() -> None:
    found = baseline([(17, 3), (16, 4), (15, 5), (4, 1)])
    assert (found.counts, found.blocks, found.left_out) == ((52, 13), 3, 0)
    assert baseline([(17, 3), (4, 1)]).counts == (21, 4)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 9)), max_size=12))
def test_every_block_left_out_or_kept_is_of_days_that_were_given(given: list[tuple[int, int]]) -> None:
    blocks = _blocks([day for day in given if sum(day)])
    assert [sum(each) for each in zip(*blocks, strict=True)] == [
        sum(each) for each in zip(*given, strict=True)
    ] * any(map(sum, given))


@pytest.mark.parametrize(("incident", "answers"), [(0.35, 100), (0.6, 60), (0.0, 150)])
def test_an_incident_of_a_week_does_not_move_the_baseline(incident: float, answers: int) -> None:
    draws = seeded(2)
    shares = [0.15] * 12 + [incident] * 7 + [0.15] * 9
    found = shares_of(baseline(days(draws, shares, answers)) for _ in range(200))
    assert median(found) == pytest.approx(0.15, abs=0.006)
    pooled = (7 * incident + 21 * 0.15) / 28
    assert abs(median(found) - 0.15) < 0.2 * abs(pooled - 0.15)


def test_days_of_few_answers_are_judged_together() -> None:
    draws = seeded(3)
    found = [baseline(days(draws, [0.02] * 1_000, answers=3)) for _ in range(40)]
    assert median(shares_of(iter(found))) == pytest.approx(0.02, abs=0.002)
    assert sum(each.left_out for each in found) < 0.03 * sum(each.blocks for each in found)


def test_days_that_differ_beyond_chance_are_kept_and_tell_less() -> None:
    draws = seeded(4)
    found = baseline(days(draws, [0.08, 0.22] * 14, answers=200))
    assert found.left_out == 0
    assert found.dispersion > 5
    assert doubt(found) > 2 * doubt(known(found.answers, found.counts[1]))


def test_no_history_is_a_baseline_that_learns() -> None:
    for empty in ([], [(0, 0), (0, 0)]):
        assert isinstance(prepared(baseline(empty), DOUBLED_ODDS, 10_000), Learning)


@pytest.mark.parametrize(("answers", "share"), [(200, 0.4), (500, 0.15), (1_500, 0.05), (5_000, 0.02)])
def test_the_truth_is_no_worse_than_doubted_for_nine_members_of_ten(answers: int, share: float) -> None:
    chance_of_truth = math.fsum(
        chance
        for bad, chance in binomial(answers, share)
        if tilted(healthy(known(answers, bad)), doubt(known(answers, bad)))[1] >= share
    )
    assert 0.88 <= chance_of_truth <= 0.95


def test_false_alarms_are_as_rare_as_declared_for_nine_of_ten_although_history_is_short() -> None:
    promised, as_it_is = 0.0, 0.0
    for bad, chance in binomial(600, 0.15):
        chart = prepared(known(600, bad), DOUBLED_ODDS, 10_000)
        promised += chance * (isinstance(chart, Learning) or run_length(chart, (0.85, 0.15)) >= 10_000)
        hasty = chart_for(healthy(known(600, bad)), DOUBLED_ODDS, 10_000)
        as_it_is += chance * (run_length(hasty, (0.85, 0.15)) >= 10_000)
    assert promised > 0.88
    assert as_it_is < 0.6


def test_a_member_that_has_learnt_finds_the_fall_it_was_told_of() -> None:
    chart = prepared(known(1_000, 150), DOUBLED_ODDS, 10_000)
    assert isinstance(chart, Chart)
    fallen = tilted((0.85, 0.15), DOUBLED_ODDS)
    assert run_length(chart, fallen) < 1.5 * run_length(chart_for((0.85, 0.15), DOUBLED_ODDS, 10_000), fallen)


@given(st.integers(0, 300), st.floats(0.02, 0.6), st.floats(math.log(1.5), math.log(6)))
def test_learning_ends_after_as_many_answers_as_it_said(answers: int, share: float, tilt: float) -> None:
    history = known(answers, round(answers * share))
    missing = answers_missing(history, tilt)
    enough = answers + missing
    part = healthy(history)[1]
    assert answers_missing(known(enough, round(enough * part)), tilt) <= 0.1 * enough + 50
    assert answers_missing(known(2 * enough + 100, round((2 * enough + 100) * part)), tilt) == 0


def test_a_smaller_fall_takes_longer_to_learn() -> None:
    history = known(100, 15)
    assert answers_missing(history, math.log(1.5)) > 2 * answers_missing(history, math.log(2)) > 0


def test_a_member_that_never_had_a_bad_answer_can_still_be_watched() -> None:
    history = known(20_000, 0)
    chart = prepared(history, math.log(50), 10_000)
    assert isinstance(chart, Chart)
    assert run_length(chart, (0.9, 0.1)) < 60


def test_a_family_with_a_budget_in_time_keeps_it() -> None:
    rates = {"phone": 40.0, "chat": 10.0, "forum": 4.0}
    lengths = lengths_by_time(20, rates)
    charts = {member: chart_for((0.85, 0.15), DOUBLED_ODDS, length) for member, length in lengths.items()}
    truly = {member: run_length(chart, (0.85, 0.15)) for member, chart in charts.items()}
    assert 0.85 < false_alarms_a_day(truly, rates) * 20 <= 1
    streams, lasting = 300, 600
    alarms = sum(
        simulated_alarms(charts[member], streams, round(rate * lasting)) for member, rate in rates.items()
    )
    expected = false_alarms_a_day(truly, rates) * streams * lasting
    assert alarms == pytest.approx(expected, abs=4 * math.sqrt(expected))


@pytest.mark.parametrize("split", [(0.98, 0.01, 0.01), (0.4, 0.3, 0.3)])
def test_a_budget_in_answers_holds_however_answers_are_split(split: tuple[float, ...]) -> None:
    charts = [chart_for((1 - bad, bad), DOUBLED_ODDS, 400) for bad in (0.05, 0.15, 0.4)]
    truly = [run_length(chart, (1 - bad, bad)) for chart, bad in zip(charts, (0.05, 0.15, 0.4), strict=True)]
    rates = {str(n): part for n, part in enumerate(split)}
    per_answer = false_alarms_a_day({str(n): length for n, length in enumerate(truly)}, rates)
    assert 1 / 440 < per_answer <= 1 / 400


def test_waits_of_any_distribution_keep_the_promise() -> None:
    draws = np.random.default_rng(6)
    history = draws.lognormal(3, 1.5, 20_000).tolist()
    at = cuts(history)
    shares = healthy(Baseline(counts(history, at), 1.0, 20, 0))
    assert shares == pytest.approx((0.1,) * 10, abs=0.001)
    chart = chart_for(shares, tilt_of(shares, history, at, 1.5), 1_000)
    waits = [demerits(wait, at) for wait in draws.lognormal(3, 1.5, 300_000).tolist()]
    lengths, score, length = [], 0, 0
    for each in waits:
        score, length = chart.after(score, each), length + 1
        if score >= chart.limit:
            lengths.append(length)
            score = length = 0
    assert sum(lengths) / len(lengths) == pytest.approx(1_000, rel=0.25)
    slower = healthy(Baseline(counts([1.5 * wait for wait in history], at), 1.0, 20, 0))
    assert run_length(chart, slower) < 100


def test_one_call_left_open_over_night_raises_no_alarm() -> None:
    history = [float(wait) for wait in range(1, 1_001)]
    at = cuts(history)
    shares = healthy(Baseline(counts(history, at), 1.0, 20, 0))
    chart = chart_for(shares, tilt_of(shares, history, at, 1.3), 10_000)
    assert chart.after(0, demerits(1e7, at)) < chart.limit / 3


def test_waits_that_are_mostly_nothing_have_fewer_cuts() -> None:
    history = [0.0] * 700 + [float(wait) for wait in range(300)]
    at = cuts(history)
    found = counts(history, at)
    assert len(at) < 9
    assert sum(found) == 1_000
    assert min(found) > 0


def test_waits_that_never_differ_cannot_be_ranked() -> None:
    at = cuts([5.0] * 100)
    assert at == ()
    with pytest.raises(InputError):
        tilt_of((1.0,), [5.0] * 100, at, 1.2)
    with pytest.raises(InputError, match="alike"):
        baseline([counts([5.0] * 100, at)] * 28)


@given(st.lists(st.integers(0, 50), min_size=1, max_size=30), st.integers(2, 10))
def test_a_cut_is_the_first_duration_that_its_part_of_all_is_not_longer_than(
    durations: list[int], parts: int
) -> None:
    found = [
        next(
            each
            for each in sorted(durations)
            if sum(d <= each for d in durations) * parts >= n * len(durations)
        )
        for n in range(1, parts)
    ]
    assert cuts(durations, parts) == tuple(sorted({each for each in found if each < max(durations)}))


def test_the_tilt_of_a_ratio_moves_the_ranks_as_that_ratio_does() -> None:
    history = [float(wait) for wait in range(1, 1_001)]
    at = cuts(history)
    shares = (0.1,) * 10
    tilt = tilt_of(shares, history, at, 1.25)
    slower = counts([1.25 * wait for wait in history], at)
    assert mean(tilted(shares, tilt)) == pytest.approx(mean([count / 1_000 for count in slower]))


def binomial(answers: int, share: float) -> Iterator[tuple[int, float]]:
    """The counts of bad answers that are not quite impossible, with their chances."""
    for bad in range(answers + 1):
        log = math.lgamma(answers + 1) - math.lgamma(bad + 1) - math.lgamma(answers - bad + 1)
        chance = math.exp(log + bad * math.log(share) + (answers - bad) * math.log(1 - share))
        if chance > 1e-5:
            yield bad, chance


def simulated_alarms(chart: Chart, streams: int, answers: int) -> int:
    """False alarms at 15 %, each stream's score starting at 0 again after one."""
    draws = np.random.default_rng(answers)
    score, alarms = np.zeros(streams, np.int64), 0
    for _ in range(answers):
        bad = draws.random(streams) < 0.15
        score = np.maximum(0, score + chart.step * bad - chart.allowance)
        alarms += int((score >= chart.limit).sum())
        score[score >= chart.limit] = 0
    return alarms
