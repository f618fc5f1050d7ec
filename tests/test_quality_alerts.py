"""Rules of kind quality, and an independent judge: each run of the checks, one after the other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from answers import MONDAY, said, standing
from deliveries import emptied, in_memory
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_alerts import life
from oracle_change import Condition

from pipeline.alerting.rules import Quality, Rules
from pipeline.alerting.watcher import RuleWatcher
from pipeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    Run = tuple[datetime, Mapping[str, Sequence[str]]]
    """When the checks ran, and which failed, by suite."""

MINUTE = timedelta(minutes=1)
CHECKS = {"touchpoints": ("unique", "complete"), "metrics": ("reconciled", "fresh")}
LATE = 10**9
"""Seconds on the clock that only goes forward: the checks are due at every look."""


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    with in_memory() as found:
        yield found


@st.composite
def runs(draw: st.DrawFn) -> list[Run]:
    found: list[Run] = []
    now = MONDAY
    for _ in range(draw(st.integers(1, 8))):
        now += draw(st.sampled_from((1, 15, 16, 60, 600))) * MINUTE
        failing = {suite: draw(st.lists(st.sampled_from(c), unique=True)) for suite, c in CHECKS.items()}
        found.append((now, failing))
    return found


def told(con: Any, rule: Quality, given: Sequence[Run], restarts: frozenset[int]) -> list[tuple[Any, ...]]:
    store = Store(emptied(con))
    failing: dict[str, Sequence[str]] = {}
    made: list[RuleWatcher] = []

    def new() -> RuleWatcher:
        ticks = iter(range(0, 10**12, LATE))
        return RuleWatcher(
            store, [rule], lambda: MONDAY, check=lambda _: failing, monotonic=lambda: float(next(ticks))
        )

    made.append(new())
    for number, (now, fail) in enumerate(given):
        failing.clear()
        failing.update(fail)
        made[-1].look_at_quality(now)
        made[-1].record(now)
        if number in restarts:
            made.append(new())
    shown = {row[:3]: row[3] for row in said(store, "member, state, occurred_at, because")}
    return sorted(
        (each.member, each.state, each.at, each.since, shown[each.member, each.state, each.at])
        for each in standing(store)
    )


def judged(rule: Quality, given: Sequence[Run]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for suite in rule.suites or CHECKS:
        conditions, names = failures(suite, given)
        for flip in life(rule, suite, conditions, given[-1][0]):
            because = f"Checks of {suite} fail: {', '.join(sorted(names[flip.since]))}; see firsthand check"
            over = "over: " if flip.state == "resolved" else ""
            found.append((suite, flip.state, flip.occurred_at, flip.since, over + because))
    return sorted(found)


def failures(suite: str, given: Sequence[Run]) -> tuple[list[Condition], dict[datetime, Sequence[str]]]:
    """From the first run that fails to the first that does not; and what failed at its begin."""
    found: list[Condition] = []
    names: dict[datetime, Sequence[str]] = {}
    fails = False
    for now, failing in given:
        if failing.get(suite) and not fails:
            found.append(Condition(now, None, now))
            names[now] = failing[suite]
        elif fails and not failing.get(suite):
            found[-1] = replace(found[-1], ended=now)
        fails = bool(failing.get(suite))
    return found, names


def quality(**words: Any) -> Quality:
    (rule,) = Rules.model_validate({"rules": [{"name": "doubtful", "kind": "quality", **words}]}).rules
    assert isinstance(rule, Quality)
    return rule


HOLDS: Sequence[dict[str, str]] = ({}, {}, {"for": "20m"}, {"keep_firing_for": "30m"})


@settings(max_examples=60, deadline=None)
@given(
    runs(),
    st.sampled_from(HOLDS),
    st.sampled_from((None, ["metrics"])),
    st.frozensets(st.integers(0, 7), max_size=3),
)
def test_what_fails_is_what_a_judge_finds_who_takes_one_run_after_the_other(
    con: Any,
    given: list[Run],
    hold: dict[str, str],
    suites: list[str] | None,
    restarts: frozenset[int],
) -> None:
    rule = quality(suites=suites, **hold)
    if rule.keep_firing_for:  # a failure between two others of one alert is not remembered over a restart
        restarts = frozenset()
    assert told(con, rule, given, restarts) == judged(rule, given)


def test_after_a_restart_it_is_still_said_which_checks_failed(con: Any) -> None:
    given: list[Run] = [(MONDAY, {"metrics": ["reconciled"]}), (MONDAY + 15 * MINUTE, {})]
    (_, over) = told(con, quality(), given, frozenset({0}))
    assert over[1:3] == ("resolved", MONDAY + 15 * MINUTE)
    assert over[-1] == "over: Checks of metrics fail: reconciled; see firsthand check"
