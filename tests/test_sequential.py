"""Charts alarm as often as declared and as early as theory allows: against other ways to compute it."""

import math
from itertools import pairwise
from statistics import NormalDist, mean, stdev

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.detection import design
from pipeline.detection.chart import Chart, Watch, first_alarm, scores
from pipeline.detection.design import COARSE, chart_for
from pipeline.detection.run_length import delay, long_run, run_length, run_lengths
from pipeline.detection.shared import shared_chart
from pipeline.detection.tilt import mean as mean_demerits
from pipeline.detection.tilt import tilt_to, tilted
from pipeline.errors import InputError
from tests.sequential_oracle import run_length_by_survival, simulated_run_lengths

REFERENCE = {0.15: 10_035, 0.18: 1_202, 0.20: 479, 0.25: 140, 0.30: 78, 0.40: 41}
"""Of a chart for 15 % dissatisfied, doubled odds, limit 5.62: run length by the true share."""

BY_REFERENCE = Chart(step=347, allowance=70, limit=math.ceil(5.62 * 347 / math.log(2)), per_nat=0)
"""Its weights are those of the log-likelihood ratio, to five digits."""

charts = st.builds(
    Chart,
    step=st.integers(2, 12),
    allowance=st.integers(1, 9),
    limit=st.integers(1, 40),
    per_nat=st.just(1.0),
)
several = st.lists(st.integers(1, 20), min_size=2, max_size=5).map(
    lambda parts: tuple(part / sum(parts) for part in parts)
)
shares_of_bad = st.floats(0.01, 0.95)
tilts = st.floats(math.log(1.3), math.log(5))
budgets = st.floats(100, 100_000)


def share(bad: float) -> tuple[float, float]:
    return 1 - bad, bad


@settings(deadline=None)
@given(shares_of_bad.map(share) | several, tilts, budgets)
def test_a_limit_is_never_below_the_one_that_stands_for_it(healthy, tilt: float, every: float) -> None:
    assume(mean_demerits(tilted(healthy, tilt)) > mean_demerits(healthy))
    told = design.terms(healthy, tilt, every, COARSE)
    exact, quick = told.chart(), told.quick_chart()
    assert (quick.step, quick.allowance, quick.per_nat) == (exact.step, exact.allowance, exact.per_nat)
    assert 1 <= quick.limit <= exact.limit


def test_what_stands_for_a_limit_is_close_to_it() -> None:
    told = design.terms(share(0.15), math.log(2), 10_000)
    assert told.quick_chart().limit > 0.9 * told.chart().limit


@pytest.mark.parametrize("true", REFERENCE)
def test_computed_run_lengths_are_those_known_from_elsewhere(true: float) -> None:
    assert run_length(BY_REFERENCE, share(true)) == pytest.approx(REFERENCE[true], rel=0.05)


def test_the_published_run_length_of_an_even_share_is_met() -> None:
    chart = Chart(step=347, allowance=203, limit=math.ceil(6 * 347 / math.log(2)), per_nat=0)
    assert run_length(chart, share(0.5)) == pytest.approx(8_900, rel=0.05)


@pytest.mark.parametrize(
    ("allowance", "limit", "published"), [(0.5, 4, 336), (0.5, 5, 930), (0.25, 8, 736.8)]
)
def test_a_chart_of_normal_values_has_the_run_length_of_textbooks(
    allowance: float, limit: int, published: float
) -> None:
    parts = 60
    edges = [(n - 0.5) / parts for n in range(-7 * parts, 7 * parts + 2)]
    normal = NormalDist()
    values = [normal.cdf(high) - normal.cdf(low) for low, high in pairwise(edges)]
    chart = Chart(1, 7 * parts + round(allowance * parts), limit * parts, per_nat=1)
    assert run_length(chart, tuple(values)) == pytest.approx(published, rel=0.02)


@pytest.mark.parametrize(("true", "runs"), [(0.15, 4_000), (0.20, 6_000), (0.40, 2_000)])
def test_simulated_runs_last_as_long_as_computed(true: float, runs: int) -> None:
    lengths = simulated_run_lengths(0.15, 2, 5.62, true, runs, seed=5)
    error = stdev(lengths) / math.sqrt(runs)
    assert 3 * error < 0.05 * mean(lengths)
    assert run_length(BY_REFERENCE, share(true)) == pytest.approx(mean(lengths), abs=3 * error)


@settings(deadline=None, max_examples=60)
@given(charts, several)
def test_run_lengths_are_those_of_a_plain_sum_over_answers(chart: Chart, shares: tuple[float, ...]) -> None:
    assume(chart.step * (len(shares) - 1) > chart.allowance)
    computed = run_length(chart, shares)
    assume(computed < 500)
    expected = run_length_by_survival(chart.step, chart.allowance, chart.limit, shares)
    assert computed == pytest.approx(expected, rel=1e-8)


@given(charts, several)
def test_run_lengths_from_every_score_satisfy_what_defines_them(
    chart: Chart, shares: tuple[float, ...]
) -> None:
    assume(chart.step * (len(shares) - 1) > chart.allowance)
    lengths = run_lengths(chart, shares)
    assume(lengths[0] < 1e9)
    for score, length in enumerate(lengths):
        reached = [chart.after(score, demerits) for demerits in range(len(shares))]
        onward = [lengths[each] if each < chart.limit else 0 for each in reached]
        expected = 1 + math.fsum(part * then for part, then in zip(shares, onward, strict=True))
        assert length == pytest.approx(expected, rel=1e-8)


@given(charts, several)
def test_the_long_run_stays_as_it_is_from_answer_to_answer(chart: Chart, shares: tuple[float, ...]) -> None:
    assume(chart.step * (len(shares) - 1) > chart.allowance)
    before = long_run(chart, shares)
    after = np.zeros(chart.limit)
    for score, time in enumerate(before):
        for demerits, part in enumerate(shares):
            reached = chart.after(score, demerits)
            after[reached if reached < chart.limit else 0] += time * part
    assert before.sum() == pytest.approx(1)
    assert after == pytest.approx(before, abs=1e-12)


def test_a_chart_that_nothing_can_raise_never_alarms() -> None:
    assert run_length(Chart(2, 3, 5, 1), (0.5, 0.5)) == math.inf


@settings(deadline=None, max_examples=60)
@given(shares_of_bad, tilts, budgets)
def test_the_limit_is_the_least_that_keeps_the_promise(bad: float, tilt: float, every: float) -> None:
    chart = chart_for(share(bad), tilt, every)
    assert run_length(chart, share(bad)) >= every
    if chart.limit > 1:
        lower = Chart(chart.step, chart.allowance, chart.limit - 1, chart.per_nat)
        assert run_length(lower, share(bad)) < every


@settings(deadline=None, max_examples=60)
@given(shares_of_bad, st.floats(math.log(1.3), math.log(3)), st.floats(5_000, 100_000))
def test_false_alarms_are_hardly_rarer_than_declared(bad: float, tilt: float, every: float) -> None:
    assert run_length(chart_for(share(bad), tilt, every), share(bad)) <= 1.06 * every


@settings(deadline=None, max_examples=40)
@given(shares_of_bad, tilts, budgets, budgets)
def test_rarer_false_alarms_need_a_higher_limit(bad: float, tilt: float, one: float, other: float) -> None:
    rare, frequent = (chart_for(share(bad), tilt, every) for every in (max(one, other), min(one, other)))
    assert (rare.step, rare.allowance) == (frequent.step, frequent.allowance)
    assert rare.limit >= frequent.limit


@given(charts, several)
def test_a_higher_limit_takes_longer(chart: Chart, shares: tuple[float, ...]) -> None:
    assume(chart.step * (len(shares) - 1) > chart.allowance)
    higher = Chart(chart.step, chart.allowance, chart.limit + 1, 1)
    assume(run_length(higher, shares) < 1e12)
    assert run_length(higher, shares) >= run_length(chart, shares) * (1 - 1e-9)


@settings(deadline=None, max_examples=20)
@given(shares_of_bad, tilts)
def test_the_further_the_fall_the_sooner_it_is_known(bad: float, tilt: float) -> None:
    chart = chart_for(share(bad), tilt, 10_000)
    falls = [tilted(share(bad), tilt * size) for size in (0, 0.5, 1, 1.5, 2, 3)]
    from_nothing = [run_length(chart, fall) for fall in falls]
    any_time = [delay(chart, share(bad), fall) for fall in falls]
    assert from_nothing == sorted(from_nothing, reverse=True)
    assert any_time == sorted(any_time, reverse=True)
    assert all(later <= first for later, first in zip(any_time, from_nothing, strict=True))


@settings(deadline=None, max_examples=30)
@given(several, st.floats(0.1, 0.4), st.floats(3_000, 20_000))
def test_charts_of_scores_keep_their_promise_too(
    shares: tuple[float, ...], part: float, every: float
) -> None:
    worst = len(shares) - 1
    tilt = tilt_to(shares, mean_demerits(shares) + part * (worst - mean_demerits(shares)))
    assert every <= run_length(chart_for(shares, tilt, every), shares) <= 1.15 * every


@pytest.mark.parametrize(
    "shares", [(0.4, 0.4, 0.2), (0.401, 0.4, 0.199), tilted((1 / 7,) * 7, -math.log(2) / 2)]
)
def test_a_chart_is_small_also_where_what_an_answer_takes_is_nearly_whole(shares: tuple[float, ...]) -> None:
    """40 % promoters, 20 % detractors and doubled odds: a passive answer says nothing either way."""
    chart = chart_for(shares, math.log(2), 1_000)
    assert chart.step < 200
    assert 1_000 <= run_length(chart, shares) < 1_050


def test_no_other_whole_number_chart_finds_the_fall_much_sooner() -> None:
    fallen = tilted(share(0.15), math.log(2))
    best = run_length(chart_for(share(0.15), math.log(2), 2_000), fallen)
    for allowance in range(16, 30, 2):
        chart = Chart(100, allowance, 1, 1)
        while run_length(chart, share(0.15)) < 2_000:
            chart = Chart(100, allowance, chart.limit + 20, 1)
        assert run_length(chart, fallen) > 0.99 * best


@pytest.mark.parametrize("bad", [0.005, 0.02, 0.15, 0.5, 0.9])
@pytest.mark.parametrize("odds_ratio", [1.5, 2, 4])
def test_a_limit_takes_few_solutions(bad: float, odds_ratio: float, monkeypatch: pytest.MonkeyPatch) -> None:
    solved: list[Chart] = []

    def counting(chart: Chart, shares: tuple[float, ...]) -> float:
        solved.append(chart)
        return run_length(chart, shares)

    monkeypatch.setattr(design, "run_length", counting)
    design.chart_for.cache_clear()
    chart = chart_for(share(bad), math.log(odds_ratio), 10_000)
    assert len(solved) <= 12
    assert max(each.limit for each in solved) <= 2 * chart.limit


@settings(deadline=None, max_examples=40)
@given(shares_of_bad, tilts, st.floats(500, 50_000))
def test_a_shared_chart_keeps_the_promise_of_each_that_shares_it(
    bad: float, tilt: float, every: float
) -> None:
    (_, fallen) = tilted(share(bad), tilt)
    assert run_length(shared_chart(bad, fallen, every), share(bad)) >= every


def test_ten_thousand_members_share_few_charts() -> None:
    design.chart_for.cache_clear()
    for member in range(10_000):
        bad = 0.1 + 0.1 * member / 10_000
        shared_chart(bad, 1.5 * bad, 10_000)
    assert design.chart_for.cache_info().misses < 150


@given(charts, st.lists(st.integers(0, 3), max_size=60), st.integers(0, 60))
def test_answers_one_by_one_or_at_once_give_the_same_alarm(
    chart: Chart, demerits: list[int], cut: int
) -> None:
    watch, stepwise = Watch(), None
    so_far = None
    for n, each in enumerate(demerits):
        if n == cut:
            so_far = watch
        watch = watch.after(chart, each)
        if watch.score >= chart.limit:
            stepwise = watch
            break
    assert first_alarm(chart, demerits) == stepwise
    if so_far is not None:
        assert first_alarm(chart, demerits[cut:], so_far) == stepwise


@given(charts, st.lists(st.integers(0, 3), min_size=1, max_size=40))
def test_the_score_is_that_of_the_likeliest_beginning(chart: Chart, demerits: list[int]) -> None:
    sums = [
        sum(chart.step * each - chart.allowance for each in demerits[first:])
        for first in range(len(demerits) + 1)
    ]
    watch = Watch()
    for each in demerits:
        watch = watch.after(chart, each)
    assert watch.score == max(sums) == scores(chart, demerits)[-1]
    assert sums[watch.first] == max(sums)
    assert (watch.answers, watch.demerits) == (len(demerits) - watch.first, sum(demerits[watch.first :]))


def test_an_alarm_says_since_when_and_how_many_since() -> None:
    chart = chart_for(share(0.15), math.log(2), 10_000)
    good, bad = [0, 0, 0, 0, 0, 0, 1] * 30, [1, 0, 1, 1, 0]
    alarm = first_alarm(chart, good + bad * 20)
    assert alarm is not None
    assert abs(alarm.first - len(good)) <= 7
    assert alarm.seen < len(good) + 30
    assert alarm.demerits / alarm.answers > 0.4


@pytest.mark.parametrize("tilt", [0.0, 0.03, -1.0])
def test_a_fall_too_small_to_find_is_refused(tilt: float) -> None:
    with pytest.raises(InputError, match="too small to find"):
        chart_for(share(0.15), tilt, 10_000)


@pytest.mark.parametrize("every", [math.inf, math.nan, 0.5, -1])
def test_false_alarms_that_cannot_be_are_refused(every: float) -> None:
    with pytest.raises(InputError, match="cannot be"):
        chart_for(share(0.15), 0.5, every)


@given(several, st.floats(-3, 3))
def test_a_tilt_is_known_again_by_the_mean_it_brings(shares: tuple[float, ...], tilt: float) -> None:
    after = tilted(shares, tilt)
    assert math.fsum(after) == pytest.approx(1)
    assert tilt_to(shares, mean_demerits(after)) == pytest.approx(tilt, abs=1e-6)
    odds = [later / before for later, before in zip(after, shares, strict=True)]
    assert odds[1] / odds[0] == pytest.approx(math.exp(tilt))


def test_a_target_beyond_what_history_holds_is_refused() -> None:
    with pytest.raises(InputError, match="name a target"):
        tilt_to((0.5, 0.5, 0.0), 1.5)
