"""Alerts as they were said, and which of them is which that the rules find now."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from pipeline.alerting.life import Alert, Flip
from pipeline.alerting.rules import AnyRule
from pipeline.alerting.words import moment

ID_LETTERS = 16


class Key(NamedTuple):
    """One member of one rule."""

    rule: str
    dimension: str
    member: str


class Row(NamedTuple):
    """What a row of `flips` says of one flip."""

    flip: str
    alert: str
    state: str
    occurred_at: datetime
    recorded_at: datetime
    because: str
    since: datetime | None = None
    numerator: object = None
    denominator: int | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    baseline: float | None = None
    query: str | None = None
    contributors: str | None = None
    inhibited_by: str | None = None
    revises: str | None = None


class Shown(NamedTuple):
    """A flip as it was said."""

    flip: str
    at_us: int
    since_us: int | None
    answers: int | None

    def tells(self, flip: Flip) -> bool:
        """Does it say what the rules find now?"""
        since, answers = flip.condition.since_us, flip.condition.answers
        return (self.at_us, self.since_us, self.answers or 0) == (flip.at_us, since, answers)


@dataclass
class Said:
    """An alert as it was said: the standing flip of each state. `begin_us`: of its first one.

    `rows`: all flips of it, also those that were replaced.
    """

    alert: str
    begin_us: int
    flips: dict[str, Shown] = field(default_factory=dict)
    rows: set[str] = field(default_factory=set)
    retracted: bool = False
    inhibited_by: str | None = None
    blamed: frozenset[tuple[str, str]] = frozenset()

    @property
    def ended_us(self) -> int | None:
        """When it was resolved."""
        return self.flips["resolved"].at_us if "resolved" in self.flips else None

    @property
    def fired_us(self) -> int | None:
        """When it fired."""
        return self.flips["firing"].at_us if "firing" in self.flips else None

    def fires_at(self, at_us: int) -> bool:
        """Does it fire at this moment?"""
        fired = self.flips.get("firing")
        ended = self.ended_us
        return (
            not self.retracted
            and fired is not None
            and fired.at_us <= at_us
            and (ended is None or ended > at_us)
        )


def matched(
    standing: Sequence[Said], alerts: Sequence[Alert]
) -> tuple[list[tuple[Said, Alert]], list[Said], list[Alert]]:
    """Which alert that was said is which that was found; those that are no longer, and those that are new.

    The same begin, or else the first that overlaps in time. One that was said to fire is none that does not.
    """
    begun = {alert[0].at_us: alert for alert in alerts}
    pairs = [
        (said, begun[said.begin_us])
        for said in standing
        if said.begin_us in begun and _like(said, begun[said.begin_us])
    ]
    taken = {id(alert) for _, alert in pairs}
    rest = [alert for alert in alerts if id(alert) not in taken]
    gone = []
    for said in standing:
        if any(said is each for each, _ in pairs):
            continue
        found = next((alert for alert in rest if _like(said, alert) and _overlap(said, alert)), None)
        if found is None:
            gone.append(said)
        else:
            pairs.append((said, found))
            rest.remove(found)
    return pairs, gone, rest


def _like(said: Said, alert: Alert) -> bool:
    return "firing" not in said.flips or any(flip.state == "firing" for flip in alert)


def _overlap(said: Said, alert: Alert) -> bool:
    last = alert[-1]
    ends_before = last.state == "resolved" and last.at_us <= said.begin_us
    begins_after = said.ended_us is not None and alert[0].at_us >= said.ended_us
    return not (ends_before or begins_after)


def digest(rule: AnyRule) -> str:
    """What tells a rule from what it was before somebody changed what it looks for."""
    told = rule.model_dump(exclude={"severity", "labels", "annotations", "notify"})
    return identity(json.dumps(told, sort_keys=True))


def identity(*parts: object) -> str:
    """The same for the same parts, in any run."""
    return sha256(json.dumps(parts).encode()).hexdigest()[:ID_LETTERS]


def us_of(at: datetime | None) -> int:
    """Microseconds since 1970; 0 for none."""
    return 0 if at is None else round((at - moment(0)).total_seconds() * 1_000_000)


def blamed_in(contributors_json: str | None) -> frozenset[tuple[str, str]]:
    """Whom a row names, as dimension and member."""
    found: Iterable[Mapping[str, str]] = json.loads(contributors_json) if contributors_json else []
    return frozenset((each["dimension"], each["member"]) for each in found)
