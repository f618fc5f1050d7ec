"""What `make bench-alerts` publishes rests on these: its detectors and streams do what they say."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.alerts.detectors import Cusum, Detector, Ewma, Window
from bench.alerts.streams import answers_between_alarms, bisected, delay, nearest, run_lengths
from bench.alerts.theory import reference_chart
from pipeline.detection.chart import Chart, first_alarm
from pipeline.detection.run_length import delay as computed_delay
from pipeline.detection.run_length import run_length

answers = st.lists(st.booleans(), max_size=60)
HEALTHY = (0.85, 0.15)
CHART = reference_chart(0.15, 2, 2.5)


def first(detector: Detector, given_answers: list[bool]) -> int | None:
    """The answers until the first alarm of a lone stream."""
    for n, bad in enumerate(given_answers, 1):
        if detector.update(np.array([bad]))[0]:
            return n
    return None


@given(answers, st.integers(1, 8), st.integers(1, 4), st.integers(1, 3))
def test_a_window_counts_its_last_answers_and_holds(bad: list[bool], size: int, most: int, held: int) -> None:
    meets = [n >= size and sum(bad[n - size : n]) >= most for n in range(1, len(bad) + 1)]
    expected = next(
        (n for n in range(held, len(bad) + 1) if all(meets[n - held : n])),
        None,
    )
    assert first(Window(1, size, most, held), bad) == expected


@given(answers)
def test_a_mean_of_newer_answers_more_is_that_of_its_weights(bad: list[bool]) -> None:
    def by_hand(n: int) -> float:
        return 0.1 * 0.7**n + sum(0.3 * 0.7**age * each for age, each in enumerate(reversed(bad[:n])))

    expected = next((n for n in range(1, len(bad) + 1) if by_hand(n) >= 0.5001), None)
    assert first(Ewma(1, 0.1, 0.3, 0.5001), bad) == expected


@given(answers)
def test_a_stream_of_the_bench_alarms_when_the_chart_does(bad: list[bool]) -> None:
    chart = Chart(step=5, allowance=1, limit=12, per_nat=1)
    alarm = first_alarm(chart, [int(each) for each in bad])
    assert first(Cusum(1, chart), bad) == (alarm.seen if alarm else None)


def test_simulation_of_runs_renewals_and_changes_agrees_with_what_is_computed() -> None:
    lengths = run_lengths(CHART, 4_000, 0.15)
    error = lengths.std() / math.sqrt(len(lengths))
    assert lengths.mean() == pytest.approx(run_length(CHART, HEALTHY), abs=3.5 * error)
    renewed = answers_between_alarms(Cusum(1_000, CHART), 1_000, 0.15, 3_000)
    assert renewed == pytest.approx(run_length(CHART, HEALTHY), rel=0.04)
    rare = reference_chart(0.15, 2, 5)
    later = delay(Cusum(1_500, rare), 1_500, 0.15, 0.3)
    assert later.given_up == 0
    assert later.answers == pytest.approx(computed_delay(rare, HEALTHY, (0.7, 0.3)), abs=3.5 * later.error)


def test_a_restarted_stream_remembers_nothing() -> None:
    for detector in (Cusum(2, CHART), Window(2, 3, 2), Ewma(2, 0.15, 0.3, 0.5)):
        alarms = [detector.update(np.array([True, True])) for _ in range(2)][-1]
        detector.restart(np.array([True, False]))
        after = [detector.update(np.array([each, each])) for each in (True, False)]
        assert [bool(each[0]) for each in after] == [False, False], alarms


def test_thresholds_are_found_where_false_alarms_are_as_asked() -> None:
    assert nearest(lambda number: 10.0**number, 1, 900, rising=True) == 3
    assert nearest(lambda number: 10.0 ** (5 - number), 1, 900, rising=False) == 2
    assert bisected(lambda threshold: threshold**2, 0, 10, 9, steps=30) == pytest.approx(3)
