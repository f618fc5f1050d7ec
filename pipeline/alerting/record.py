"""What is said of alerts: table `flips`, to which rows are only ever added.

What the rules find is compared with what was said. What is new is said; what moved is said again and names
the row that it replaces; what no longer follows from the events is retracted.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evidence import contributors, figures, query_of
from pipeline.alerting.life import Alert, Flip, alerts_of
from pipeline.alerting.rules import AnyRule, Change, OfMetric, Quality, Silence
from pipeline.alerting.words import moment, told
from pipeline.connection import one
from pipeline.spans import microseconds

ID_LETTERS = 16
CHECK = "check"
"""What stands for a dimension where checks are named."""

HARMLESS = {"fresh", "volume_like_a_week_before"}
"""Checks that say nothing against the answers there are: an incident often comes with more contacts."""


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
    """An alert as it was said: the standing flip of each state. `begin_us`: of its first one."""

    alert: str
    begin_us: int
    flips: dict[str, Shown] = field(default_factory=dict)
    retracted: bool = False
    inhibited_by: str | None = None
    blamed: frozenset[tuple[str, str]] = frozenset()

    @property
    def ended_us(self) -> int | None:
        """When it was resolved."""
        return self.flips["resolved"].at_us if "resolved" in self.flips else None

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


class Key(NamedTuple):
    """One member of one rule."""

    rule: str
    dimension: str
    member: str


class Recorder:
    """Says in `flips` what the rules find. One at a time writes them."""

    def __init__(self, rules: Sequence[AnyRule], con: DuckDBPyConnection) -> None:
        # what inhibits others is said first
        self._rules = {rule.name: rule for rule in sorted(rules, key=_last_of_all)}
        self._definitions = {name: digest(rule) for name, rule in self._rules.items()}
        self._said: dict[Key, list[Said]] = {}
        self._compared: dict[str, list[Condition]] = {}
        self._number = one(con, "select coalesce(max(number), 0) from flips")
        self._load(con)

    def record(
        self,
        con: DuckDBPyConnection,
        found: Mapping[str, Sequence[Condition]],
        until_us: int,
        recorded_at: datetime,
        names: Callable[[], Mapping[int, str]],
    ) -> int:
        """Say what is new by this moment, in the caller's transaction; how many rows that took.

        `names`: the members by number; where the transaction fails, make a new Recorder.
        """
        before = self._number
        for name, rule in self._rules.items():
            if name in found and self._may_say(rule, found[name]):
                texts, by_member = names() if found[name] else {}, dict[str, list[Condition]]()
                for condition in found[name]:
                    by_member.setdefault(texts[condition.member], []).append(condition)
                keys = {Key(name, dimension_of(rule), member) for member in by_member if _asked(rule, member)}
                for key in sorted(keys | {each for each in self._said if each.rule == name}):
                    self._compare(con, rule, key, by_member.get(key.member, []), until_us, recorded_at)
        self._release(con, until_us, recorded_at)
        return int(self._number - before)

    def _may_say(self, rule: AnyRule, found: Sequence[Condition]) -> bool:
        """Can there be anything new, in what was found or in how long it has been so?"""
        if rule.hold is None and rule.keep_firing_for is None and self._compared.get(rule.name) == found:
            return False
        self._compared[rule.name] = list(found)
        return True

    def held(self, rule: str) -> dict[str, tuple[int, int]]:
        """The members whose alert has not ended: when it was raised, and the moment its evidence begins."""
        return {
            key.member: (said.begin_us, next(iter(said.flips.values())).since_us or 0)
            for key, all_said in self._said.items()
            for said in all_said
            if key.rule == rule and not said.retracted and said.ended_us is None
        }

    def _compare(
        self,
        con: DuckDBPyConnection,
        rule: AnyRule,
        key: Key,
        conditions: Sequence[Condition],
        until_us: int,
        recorded_at: datetime,
    ) -> None:
        hold = microseconds(rule.hold) if rule.hold else 0
        keep = microseconds(rule.keep_firing_for) if rule.keep_firing_for else 0
        alerts = alerts_of(conditions, until_us, hold, keep)
        standing = [each for each in self._said.get(key, []) if not each.retracted]
        pairs, gone, new = matched(standing, alerts)
        say = _Saying(self, con, rule, key, recorded_at)
        if not isinstance(rule, Silence | Quality):  # those know what they found in this run only
            for said in gone:
                say.retract(said, until_us)
        for said, alert in pairs:
            say.again(said, alert)
        for alert in new:
            say.new(alert)

    def _release(self, con: DuckDBPyConnection, until_us: int, recorded_at: datetime) -> None:
        """Say again, for delivery, what still fires although what inhibited it has ended."""
        everything = {said.alert: said for all_said in self._said.values() for said in all_said}
        for key, all_said in self._said.items():
            for said in all_said:
                by = everything.get(said.inhibited_by or "")
                if by is not None and not by.fires_at(until_us) and said.fires_at(until_us):
                    _Saying(self, con, self._rules[key.rule], key, recorded_at).release(said)

    def inhibitor(self, rule: AnyRule, key: Key, at_us: int) -> str | None:
        """The alert for whose sake nobody is told of one of this rule and member that fires now."""
        if not isinstance(rule, OfMetric):
            return None
        for other, all_said in self._said.items():
            cause = self._rules.get(other.rule)
            if isinstance(cause, Quality):
                for said in all_said:
                    if said.fires_at(at_us) and not {name for _, name in said.blamed} <= HARMLESS:
                        return said.alert
            elif isinstance(cause, OfMetric) and cause.by == "all" != rule.by and cause.metric == rule.metric:
                for said in all_said:
                    if said.fires_at(at_us) and (key.dimension, key.member) in said.blamed:
                        return said.alert
        return None

    def _load(self, con: DuckDBPyConnection) -> None:
        rows = con.execute(
            f"select rule, definition, dimension, member, {', '.join(Row._fields)} from flips order by number"
        ).fetchall()
        for rule, definition, dimension, member, *row in rows:
            if self._definitions.get(rule) == definition:
                self._note(Key(rule, dimension, member), Row(*row))

    def _note(self, key: Key, row: "Row") -> None:
        all_said = self._said.setdefault(key, [])
        shown = Shown(row.flip, us_of(row.occurred_at), us_of(row.since), row.denominator)
        said = next((each for each in all_said if each.alert == row.alert), None)
        if said is None:
            said = Said(row.alert, shown.at_us)
            all_said.append(said)
        if row.state == "retracted":
            said.retracted = True
            return
        said.flips = {state: old for state, old in said.flips.items() if old.flip != row.revises}
        said.flips[row.state] = shown
        said.begin_us = min(each.at_us for each in said.flips.values())
        if row.state != "resolved":
            said.inhibited_by = row.inhibited_by
        said.blamed |= _blamed(row.contributors)

    def inhibited(self, key: Key, alert: str) -> str | None:
        """For whose sake nobody was told of an alert, so far."""
        return next((each.inhibited_by for each in self._said.get(key, []) if each.alert == alert), None)

    def write(self, con: DuckDBPyConnection, key: Key, row: "Row") -> None:
        """Add one row."""
        self._number += 1
        rule = self._rules[key.rule]
        values = {
            "number": self._number,
            "rule": key.rule,
            "definition": self._definitions[key.rule],
            "kind": rule.kind,
            "severity": rule.severity,
            "metric": rule.metric if isinstance(rule, OfMetric) else None,
            "dimension": key.dimension,
            "member": key.member,
            "false_alarm_every": rule.false_alarm_every if isinstance(rule, Change) else None,
            "labels": json.dumps(rule.labels, sort_keys=True),
            "annotations": json.dumps(rule.annotations, sort_keys=True),
            "notify": rule.notify,
            **row._asdict(),
        }
        columns = ", ".join(values)
        con.execute(
            f"insert into flips ({columns}) values ({', '.join(f'${name}' for name in values)})",
            values,
        )
        self._note(key, row)


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


class _Saying:
    """Says things of one member of one rule."""

    def __init__(
        self, recorder: Recorder, con: DuckDBPyConnection, rule: AnyRule, key: Key, recorded_at: datetime
    ) -> None:
        self._recorder = recorder
        self._con = con
        self._rule = rule
        self._key = key
        self._recorded_at = recorded_at

    def new(self, alert: Alert) -> None:
        """An alert of which nothing was said."""
        name = _id(*self._key, alert[0].state, alert[0].at_us)
        for flip in alert:
            self._say(name, flip, None)

    def again(self, said: Said, alert: Alert) -> None:
        """What has changed of one, if anything."""
        before = dict(said.flips)
        for flip in alert:
            old = before.get(flip.state)
            if old is None or not old.tells(flip):
                self._say(said.alert, flip, old.flip if old else None)
        last = alert[-1]
        over = [old for state, old in before.items() if _ORDER[state] > _ORDER[last.state]]
        if over:  # it was said to have ended, and goes on
            self._say(said.alert, last, over[-1].flip)

    def retract(self, said: Said, until_us: int) -> None:
        """An alert that no longer follows from the events."""
        because = "retracted: events that came late, or were corrected, took the evidence away"
        flip = _id(said.alert, "retracted")
        row = Row(
            flip,
            said.alert,
            "retracted",
            moment(until_us),
            self._recorded_at,
            because,
            inhibited_by=said.inhibited_by,
        )
        self._recorder.write(self._con, self._key, row)

    def release(self, said: Said) -> None:
        """The same flip once more, inhibited no longer."""
        old = said.flips["firing"]
        rows = self._con.execute(
            f"select {', '.join(Row._fields)} from flips where flip = $1 order by number desc limit 1",
            [old.flip],
        ).fetchall()
        row = Row(*rows[0])._replace(
            flip=_id(old.flip, "released"), recorded_at=self._recorded_at, inhibited_by=None, revises=old.flip
        )
        self._recorder.write(self._con, self._key, row)

    def _say(self, alert: str, flip: Flip, revises: str | None) -> None:
        found = flip.condition
        identity = _id(alert, flip.state, flip.at_us, found.since_us, found.answers, revises)
        inhibited = self._recorder.inhibitor(self._rule, self._key, flip.at_us)
        if flip.state == "resolved":
            inhibited = self._recorder.inhibited(self._key, alert)
        row = Row(
            identity, alert, flip.state, moment(flip.at_us), self._recorded_at, "", moment(found.since_us)
        )
        row = row._replace(
            denominator=found.answers, baseline=found.baseline, inhibited_by=inhibited, revises=revises
        )
        self._recorder.write(self._con, self._key, self._with_evidence(row, flip))

    def _with_evidence(self, row: Row, flip: Flip) -> Row:
        found, rule = flip.condition, self._rule
        if isinstance(rule, Silence):
            who = "" if rule.by == "all" else f" of {rule.by} {self._key.member}"
            because = f"No events{who} since {moment(found.since_us):%Y-%m-%d %H:%M UTC}"
            return row._replace(because=_ended(because, flip))
        if isinstance(rule, Quality):
            because = f"Checks of {self._key.member} fail: {', '.join(found.named)}; see firsthand check"
            failing = [{"dimension": CHECK, "member": name} for name in found.named]
            return row._replace(because=_ended(because, flip), contributors=json.dumps(failing))
        seen = figures(self._con, rule, found.member, found.since_us, found.raised_us)
        blamed = contributors(self._con, rule, found.member, found.since_us, found.raised_us)
        because = told(rule, self._key.member, found, seen, blamed)
        follow_up = one(self._con, "select internal.follow_up_us()")
        return row._replace(
            because=_ended(because, flip),
            numerator=seen.numerator if seen else None,
            value=seen.value if seen else None,
            low=seen.low if seen else None,
            high=seen.high if seen else None,
            query=query_of(rule, self._key.member, found.since_us, found.raised_us, follow_up),
            contributors=json.dumps([each._asdict() for each in blamed]),
        )


_ORDER = {"pending": 0, "firing": 1, "resolved": 2}


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
    return _id(json.dumps(told, sort_keys=True))


def dimension_of(rule: AnyRule) -> str:
    """By what a rule tells its members apart."""
    return "suite" if isinstance(rule, Quality) else rule.by


def _asked(rule: AnyRule, member: str) -> bool:
    if isinstance(rule, Quality):
        return rule.suites is None or member in rule.suites
    return rule.members is None or member in rule.members


def _last_of_all(rule: AnyRule) -> int:
    return 0 if isinstance(rule, Quality) else 1 if getattr(rule, "by", "") == "all" else 2


def _ended(because: str, flip: Flip) -> str:
    return f"over: {because}" if flip.state == "resolved" else because


def _id(*parts: object) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()[:ID_LETTERS]


def us_of(at: datetime | None) -> int:
    """Microseconds since 1970; 0 for none."""
    return 0 if at is None else round((at - moment(0)).total_seconds() * 1_000_000)


def _blamed(contributors_json: str | None) -> frozenset[tuple[str, str]]:
    found: Iterable[Mapping[str, str]] = json.loads(contributors_json) if contributors_json else []
    return frozenset((each["dimension"], each["member"]) for each in found)
