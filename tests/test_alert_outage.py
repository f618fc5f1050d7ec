"""A notifier that is away for an hour, or stumbles over one message: nothing is lost, held up or piled up."""

from __future__ import annotations

import tracemalloc
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alerted import Written, alerted

from pipeline.alerting.delivery.courier import Courier, Manner
from pipeline.alerting.delivery.failures import UnreachedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from pipeline.alerting.delivery.outbox import Message

GROUPS = 5
A_MINUTE = 60
MINUTE = timedelta(minutes=1)
MOST_ALERTS = 200
AT_ONCE_MB = 4
"""Of Python's own, while 500 flips are looked at; 2 are taken. All 10,000 at once take 28."""


@dataclass
class Friend:
    """A notifier in this process. `trips` says what it does not take; it remembers little of what it took."""

    trips: Callable[[Message], bool]
    tried: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    most: int = 0
    told: dict[str, list[tuple[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def send(self, message: Message, now: datetime) -> None:  # noqa: ARG002 - what every channel is given
        self.tried.append(message.key)
        self.most = max(self.most, len(message.alerts))
        if self.trips(message):
            raise UnreachedError("is away")
        self.keys.append(message.key)
        self.told[message.labels["alertname"]] += [(flip.alert, flip.state) for flip in message.told]


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with alerted(tmp_path / "w.duckdb") as found:
        yield found


def courier(written: Written, friend: Friend) -> Courier:
    manner = Manner(group_by=("rule",), repeat=timedelta(hours=4))
    made = Courier("hook", written.store, friend, manner, clock=lambda: written.now, say=written.said.append)
    made.step()
    return made


def an_eventful_minute(written: Written, minute: int, count: int = A_MINUTE) -> None:
    """Alerts that fire, and every third of the minute before is over."""
    with written.store.beside() as con:
        con.execute(
            "insert into flips by name select flips.* replace ("
            "($minute + 1) * 100000 + n as number, $minute || '/' || n || '/firing' as flip, "
            "$minute || '/' || n as alert, 'firing' as state, 'm' || n as member, "
            "'rule-' || n % $groups as rule, $now as occurred_at) "
            "from flips, range($count) as numbers(n) where flips.number = 1",
            {"minute": minute, "groups": GROUPS, "count": count, "now": written.now},
        )
        con.execute(
            "insert into flips by name select flips.* replace (number + 150000 as number, "
            "alert || '/resolved' as flip, 'resolved' as state, $now as occurred_at) "
            "from flips where starts_with(alert, ($minute - 1) || '/') and number % 3 = 0",
            {"minute": minute, "now": written.now},
        )


def test_after_an_hour_all_that_happened_comes_in_order_in_parts_under_keys_of_their_own(
    written: Written,
) -> None:
    back = written.now + timedelta(hours=1)
    friend = Friend(trips=lambda _: written.now < back)
    hook = courier(written, friend)
    written.flip("seed", "pending")
    for minute in range(60):
        an_eventful_minute(written, minute)
        hook.step()
        written.pass_(minutes=1)
    assert not friend.keys
    while written.rows("select 1 from internal.deliveries where stage <> 'told' limit 1"):
        hook.step()
        written.pass_(seconds=30)
        assert written.now < back + 10 * MINUTE, "it is told within minutes"
    assert friend.most <= MOST_ALERTS
    for number in range(GROUPS):
        happened = written.rows(
            f"select alert, state from flips where rule = 'rule-{number}' order by number"
        )
        assert friend.told[f"rule-{number}"] == happened
    assert len(set(friend.keys)) == len(friend.keys), "nothing is told twice"
    again = Counter(friend.tried)
    assert max(again.values()) > 5, "what was tried in vain comes under the key that it had"
    assert set(again) == set(friend.keys)


def test_ten_thousand_alerts_that_came_meanwhile_are_looked_at_in_little_memory(written: Written) -> None:
    hook = courier(written, Friend(trips=lambda _: True))
    written.flip("seed", "pending")
    an_eventful_minute(written, 0, 10_000)
    tracemalloc.start()
    hook.step()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert written.rows("select count(*) from internal.deliveries") == [(10_000,)]
    assert most < AT_ONCE_MB * 1_000_000


def test_a_message_that_always_fails_does_not_keep_from_their_turn_others_that_failed_with_it(
    written: Written,
) -> None:
    away = True
    friend = Friend(trips=lambda message: away or "bad" in message.labels.values())
    hook = courier(written, friend)
    for rule in ("bad", "good", "fine"):
        written.flip(rule, "firing", rule=rule)
    for _ in range(900):
        hook.step()
        written.pass_(seconds=1)
    away, tried = False, len(friend.tried)
    for _ in range(300):
        hook.step()
        written.pass_(seconds=1)
    assert set(friend.told) == {"good", "fine"}
    assert len(friend.tried) - tried < 20
