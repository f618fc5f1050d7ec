"""What is said of alerts, and what an independent judge says, which takes one answer after the other."""

import json
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from answers import standing, watched
from deliveries import NOW, batch, emptied, in_memory
from histories_of_alerts import History, accepted, seeded_history
from hypothesis import given, settings
from oracle_alerts import standing_flips
from rules_of_alerts import rules_of_durations
from small_histories_of_alerts import small_histories

from pipeline.alerting.evaluation.charts import terms_of
from pipeline.alerting.rules import AnyRule, Drop, Rules, Silence, Threshold
from pipeline.alerting.watcher import RuleWatcher
from pipeline.detection.caution import Learning
from pipeline.store import Store


@pytest.fixture(scope="module")
def con():
    with in_memory() as found:
        yield found


def chart_of(known, tilt, every):
    """The chart that the program would make of the same history."""
    found = terms_of(known, tilt, every)
    return found if isinstance(found, Learning) else found.chart()


def judged(history: History) -> list[tuple[object, ...]]:
    """What the judge says of the events up to the history's moment."""
    events = accepted(event for event in history.events if event["time"] <= stamp(history))
    kinds = {rule.name: rule for rule in of_events(history)}
    found = []
    for flip in standing_flips(events, Rules(rules=of_events(history)), history.until, chart_of=chart_of):
        windowed = isinstance(kinds[flip.rule], Threshold | Drop)
        since = flip.since + timedelta(microseconds=1) if windowed else flip.since
        answers = flip.denominator or 0
        found.append((flip.rule, flip.member, flip.state, flip.occurred_at, since, answers))
    return sorted(found)


def of_events(history: History) -> list[AnyRule]:
    """Its rules but for silence: what a clock would have seen is no function of the events."""
    return [rule for rule in history.rules.rules if not isinstance(rule, Silence)]


def stamp(history: History) -> str:
    return history.until.isoformat().replace("+00:00", "Z")


def told(con, history: History, draws: Random) -> list[tuple[object, ...]]:
    """What is said where they arrive in their order, now and then looked at, and restarted."""
    store = Store(emptied(con))
    watcher = RuleWatcher(store, of_events(history), lambda: history.until)
    start = 0
    for events in history.arrivals:
        values = [json.dumps(event).encode() for event in events if event["time"] <= stamp(history)]
        if values:
            store.ingest([batch(values, start=start)], NOW)
            start += len(values)
        if draws.random() < 0.5:
            latest = store.latest_occurrence()
            if latest is not None:
                watcher.finish(latest)
        if draws.random() < 0.1:
            watcher = RuleWatcher(store, of_events(history), lambda: history.until)
    watcher.finish(history.until)
    return sorted((*each[:5], each[5] or 0) for each in standing(store))


def at_once(con, history: History) -> list[tuple[object, ...]]:
    """What is said where they are all there from the beginning."""
    store = Store(emptied(con))
    events = [event for event in history.events if event["time"] <= stamp(history)]
    store.ingest([batch([json.dumps(event).encode() for event in events])], NOW)
    watched(store, Rules(rules=of_events(history)), history.until)
    return sorted((*each[:5], each[5] or 0) for each in standing(store))


@pytest.mark.parametrize("seed", range(6))
def test_weeks_of_contacts_are_judged_as_by_one_answer_after_the_other(con, seed):
    history = seeded_history(seed)
    assert at_once(con, history) == judged(history)


@pytest.mark.parametrize("seed", range(2))
def test_durations_are_judged_so_by_every_dimension(con, seed):
    told_by = rules_of_durations(Random(seed))  # noqa: S311 - seeded
    history = replace(seeded_history(seed), rules=told_by)
    flips = judged(history)
    assert len({rule for rule, *_ in flips}) >= 4
    assert at_once(con, history) == flips


@pytest.mark.parametrize("seed", range(100, 103))
def test_so_they_are_in_whatever_order_they_arrive(con, seed):
    history = seeded_history(seed)
    assert told(con, history, Random(seed)) == judged(history)  # noqa: S311 - seeded


@settings(max_examples=25, deadline=None)
@given(history=small_histories())
def test_small_histories_too(con, history):
    assert at_once(con, history) == judged(history)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 1100))
def test_many_histories_in_many_orders(con, seed):
    history = seeded_history(seed)
    assert told(con, history, Random(seed)) == judged(history)  # noqa: S311 - seeded
