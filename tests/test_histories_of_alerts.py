"""The histories made for alerts do make them fire and end, and the judge's flips of them hang together."""

from __future__ import annotations

from collections import Counter
from functools import cache
from random import Random
from typing import TYPE_CHECKING

from histories_of_alerts import History, judged, seeded_history
from hypothesis import HealthCheck, given, settings
from oracle_alerts import Flip, standing_flips
from oracle_answers import SECONDS
from small_histories_of_alerts import small_histories

from pipeline.alerting.rules import Change, Rules

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = range(8)
calm = settings(deadline=None, database=None, max_examples=40, suppress_health_check=list(HealthCheck))


@cache
def seeded(seed: int) -> tuple[History, list[Flip]]:
    history = seeded_history(seed)
    return history, standing_flips(history.accepted, history.rules, history.until)


def kinds(history: History, found: Sequence[Flip], state: str) -> set[str]:
    kind = {rule.name: rule.kind for rule in history.rules.rules}
    return {kind[flip.rule] for flip in found if flip.state == state}


def test_most_seeded_histories_make_alerts_of_each_kind_fire_and_end() -> None:
    fired = Counter(kind for seed in SEEDS for kind in kinds(*seeded(seed), "firing"))
    over = Counter(kind for seed in SEEDS for kind in kinds(*seeded(seed), "resolved"))
    held = Counter(kind for seed in SEEDS for kind in kinds(*seeded(seed), "pending"))
    assert all(fired[kind] >= len(SEEDS) / 4 for kind in ("change", "threshold", "drop", "silence")), fired
    assert all(over[kind] >= len(SEEDS) / 4 for kind in ("change", "threshold", "drop", "silence")), over
    assert sum(held.values()) >= len(SEEDS) / 2, held


def test_most_seeded_histories_make_a_change_of_durations_fire() -> None:
    fired = [duration_fires(*seeded(seed)) for seed in SEEDS]
    assert sum(fired) > len(SEEDS) / 2, fired


def duration_fires(history: History, found: Sequence[Flip]) -> bool:
    metrics = {rule.name: rule.metric for rule in history.rules.rules if isinstance(rule, Change)}
    return any(metrics.get(flip.rule) in SECONDS and flip.state == "firing" for flip in found)


def test_a_good_share_of_small_histories_fires_by_a_change() -> None:
    fired: list[set[str]] = []
    slower: list[bool] = []

    @settings(calm, derandomize=True, max_examples=100)
    @given(small_histories())
    def count(history: History) -> None:
        found = standing_flips(history.accepted, history.rules, history.until)
        fired.append(kinds(history, found, "firing"))
        slower.append(duration_fires(history, found))

    count()
    assert sum(bool(each) for each in fired) > 0.3 * len(fired)
    assert sum("change" in each for each in fired) > 0.1 * len(fired)
    assert sum(slower) > 0.03 * len(slower)


def test_the_same_seed_gives_the_same_history() -> None:
    assert seeded_history(1) == seeded_history(1)
    assert seeded_history(1) != seeded_history(2)


@calm
@given(small_histories())
def test_small_histories_arrive_whole(history: History) -> None:
    arrives_whole(history)


def test_seeded_histories_arrive_whole_late_twice_and_with_early_surveys() -> None:
    for seed in SEEDS:
        arrives_whole(seeded(seed)[0])
    late = early = twice = 0
    for seed in SEEDS:
        history, _ = seeded(seed)
        batches = [[judged(value) for value in batch] for batch in history.batches]
        events = [event for batch in batches for event in batch]
        twice += len(events) - len(set(events))
        late += sum(event.occurred_at < events[max(0, n - 200)].occurred_at for n, event in enumerate(events))
        contacts = {e.contact_id: e.occurred_at for e in events if e.type == "touchpoint.contact.v1"}
        early += sum(
            e.occurred_at < contacts.get(e.contact_id, e.occurred_at)
            for e in set(events)
            if "survey" in e.type
        )
    assert min(late, early, twice) >= 5 * len(SEEDS)


def arrives_whole(history: History) -> None:
    """What arrives is what happened, and in which order and how often makes no difference to the judge."""
    arrived = history.arrived(len(history.arrivals))
    assert set(arrived) == set(history.accepted)
    flips = standing_flips(arrived, history.rules, history.until)
    assert flips == standing_flips(history.accepted, history.rules, history.until)
    holds_together(flips)


def holds_together(found: Sequence[Flip]) -> None:
    """Of each rule and member: alerts one after the other, each with flips in order and one evidence."""
    last: Flip | None = None
    for flip in found:
        same = last is not None and (last.rule, last.member) == (flip.rule, flip.member)
        before = last.state if same and last else "resolved"
        assert (
            flip.state
            in {
                "resolved": {"pending", "firing"},
                "pending": {"firing", "resolved"},
                "firing": {"resolved"},
            }[before]
        )
        if same and last:
            assert last.occurred_at <= flip.occurred_at
            assert before == "resolved" or (last.since, last.denominator) == (flip.since, flip.denominator)
        last = flip


def test_what_was_told_by_an_earlier_moment_stands_at_a_later_one() -> None:
    """By all and by channel: other members may change while surveys wait for their contacts."""
    for seed in SEEDS:
        history, _ = seeded(seed)
        rules = Rules(
            rules=[rule for rule in history.rules.rules if getattr(rule, "by", "") in {"all", "channel"}]
        )
        whole = standing_flips(history.accepted, rules, history.until)
        for event in Random(seed).sample(history.accepted, 2):  # noqa: S311 - seeded
            moment = min(history.until, event.occurred_at)
            told = standing_flips(history.accepted, rules, moment)
            assert told == [flip for flip in whole if flip.occurred_at <= moment]
