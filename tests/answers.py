"""Streams of answers with a fall in them, and what was said of it; for the tests of alerts."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from deliveries import record

from pipeline.alerting.rules import Rules
from pipeline.alerting.rules_file import read_rules
from pipeline.alerting.watcher import RuleWatcher
from pipeline.store import Store

MONDAY = datetime(2026, 9, 7, tzinfo=UTC)
DAY = timedelta(days=1)


def seeded(seed: int) -> Random:
    """Draws that are the same in every run."""
    return Random(seed)  # noqa: S311 - nothing secret


class Answer(NamedTuple):
    """One survey: satisfied or not."""

    at: datetime
    channel: str
    good: bool

    def as_bytes(self, name: str, **data: object) -> bytes:
        """The record of it."""
        return record(name, self.at, "survey", channel=self.channel, csat=5 if self.good else 1, **data)


def answers(
    draws: Random, bad: Sequence[float], per_day: int = 60, channel: str = "phone", begin: datetime = MONDAY
) -> Iterator[Answer]:
    """So many answers on each day, of which about the day's share is bad."""
    for day, share in enumerate(bad):
        moments = sorted(draws.randrange(86_400_000) for _ in range(per_day))
        for moment in moments:
            yield Answer(begin + day * DAY + timedelta(milliseconds=moment), channel, draws.random() >= share)


def named(found: Sequence[Answer], prefix: str = "s", **data: object) -> list[bytes]:
    """Their records."""
    return [each.as_bytes(f"{prefix}{n}", **data) for n, each in enumerate(found)]


def rules(place: Path, text: str) -> Rules:
    """The rules of a file with this text."""
    (place / "rules.yaml").write_text("rules:\n" + text, encoding="utf-8")
    return read_rules(place / "rules.yaml")


def watched(store: Store, told: Rules, until: datetime) -> None:
    """Say all that there is to say by a moment, as a worker does that was started just now."""
    RuleWatcher(store, told.rules, lambda: until).finish(until)


class Said(NamedTuple):
    """What a row of `flips` says."""

    rule: str
    member: str
    state: str
    at: datetime
    since: datetime
    answers: int


STANDING = """
select rule, member, state, occurred_at, since, denominator
from flips
where flip not in (select revises from flips where revises is not null)
    and alert not in (select alert from flips where state = 'retracted')
qualify row_number() over (partition by alert, state order by number desc) = 1
order by all
"""


def standing(store: Store) -> list[Said]:
    """What is said last of each state, and was neither revised nor retracted."""
    with store.reading() as con:
        return [Said(*row) for row in con.execute(STANDING).fetchall()]


def said(store: Store, columns: str) -> list[tuple[object, ...]]:
    """Columns of all flips, in the order they were said."""
    with store.reading() as con:
        return con.execute(f"select {columns} from flips order by number").fetchall()
