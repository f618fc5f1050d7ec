"""What is said of alerts: table `flips`, to which rows are only ever added.

What the rules find is compared with what was said. What is new is said; what moved is said again and names
the row that it replaces; what no longer follows from the events is retracted.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.life import alerts_of
from pipeline.alerting.rules import AnyRule, Change, OfMetric, Quality, Silence
from pipeline.alerting.said import Key, Row, Said, Shown, blamed_in, digest, identity, matched, us_of
from pipeline.alerting.telling import Telling
from pipeline.alerting.words import moment
from pipeline.connection import one
from pipeline.spans import microseconds
from pipeline.sql import load

HARMLESS = {"fresh", "volume_like_a_week_before"}
"""Checks that say nothing against the answers there are: an incident often comes with more contacts."""


class Recorder:
    """Says in `flips` what the rules find. One at a time writes them."""

    def __init__(self, rules: Sequence[AnyRule], con: DuckDBPyConnection) -> None:
        # what inhibits others is said first
        self._rules = {rule.name: rule for rule in sorted(rules, key=_last_of_all)}
        self._definitions = {name: digest(rule) for name, rule in self._rules.items()}
        self._said: dict[Key, list[Said]] = {}
        self._causes: dict[Key, list[Said]] = {}
        """Those of `_said` that can inhibit others."""
        self._compared: dict[str, list[Condition]] = {}
        self._number = one(con, "select coalesce(max(number), 0) from flips")
        self._orphans_ended = not self._number
        self._load(con)

    def record(
        self,
        con: DuckDBPyConnection,
        found: Mapping[str, Sequence[Condition]],
        until_us: int,
        recorded_at: datetime,
        names: Callable[[], Mapping[int, str]],
    ) -> None:
        """Say what is new by this moment, in the caller's transaction.

        `names`: the members by number; where the transaction fails, make a new Recorder.
        """
        self._end_orphans(con, until_us, recorded_at)
        for name, rule in self._rules.items():
            if name in found and self._may_say(rule, found[name]):
                texts, by_member = names() if found[name] else {}, dict[str, list[Condition]]()
                for condition in found[name]:
                    by_member.setdefault(texts[condition.member], []).append(condition)
                keys = {Key(name, dimension_of(rule), member) for member in by_member if _asked(rule, member)}
                for key in sorted(keys | {each for each in self._said if each.rule == name}):
                    self._compare(con, rule, key, by_member.get(key.member, []), until_us, recorded_at)
        self._release(con, until_us, recorded_at)

    def _end_orphans(self, con: DuckDBPyConnection, until_us: int, recorded_at: datetime) -> None:
        """End, once, what an earlier wording of the rules said: nobody looks after it any more."""
        if self._orphans_ended:
            return
        self._orphans_ended = True
        rules = {"rules": [[name, digest] for name, digest in self._definitions.items()]}
        for (alert,) in con.execute(load("alert_orphans"), rules).fetchall():
            self._number += 1
            end = {
                "number": self._number,
                "flip": identity(alert, "resolved", "orphan"),
                "occurred_at": moment(until_us),
                "recorded_at": recorded_at,
                "because": "over: its rule was changed or removed",
                "alert": alert,
            }
            con.execute(load("alert_end"), end)

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
        standing = [each for each in self._said.get(key, []) if not each.retracted]
        if isinstance(rule, Silence | Quality):
            conditions = [_not_untold(each, standing) for each in conditions]
        alerts = alerts_of(conditions, until_us, hold, keep)
        pairs, gone, new = matched(standing, alerts)
        say = Telling(self, con, rule, key, recorded_at)
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
                    Telling(self, con, self._rules[key.rule], key, recorded_at).release(said)

    def inhibitor(self, rule: AnyRule, key: Key, at_us: int) -> str | None:
        """The alert for whose sake nobody is told of one of this rule and member that fires now."""
        if not isinstance(rule, OfMetric):
            return None
        for other, all_said in self._causes.items():
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

    def _note(self, key: Key, row: Row) -> None:
        all_said = self._said.setdefault(key, [])
        rule = self._rules.get(key.rule)
        if rule is not None and _last_of_all(rule) <= 1:
            self._causes[key] = all_said
        shown = Shown(row.flip, us_of(row.occurred_at), us_of(row.since), row.denominator)
        said = next((each for each in all_said if each.alert == row.alert), None)
        if said is None:
            said = Said(row.alert, shown.at_us)
            all_said.append(said)
        said.rows.add(row.flip)
        if row.state == "retracted":
            said.retracted = True
            return
        said.flips = {state: old for state, old in said.flips.items() if old.flip != row.revises}
        said.flips[row.state] = shown
        said.begin_us = min(each.at_us for each in said.flips.values())
        if row.state != "resolved":
            said.inhibited_by = row.inhibited_by
        said.blamed |= blamed_in(row.contributors)

    def blamed(self, key: Key, alert: str) -> frozenset[tuple[str, str]]:
        """Whom an alert has named so far, as dimension and member."""
        return next((each.blamed for each in self._said.get(key, []) if each.alert == alert), frozenset())

    def knows(self, key: Key, alert: str) -> bool:
        """Was anything said of an alert?"""
        return any(each.alert == alert for each in self._said.get(key, []))

    def has_row(self, key: Key, alert: str, flip: str) -> bool:
        """Was this flip of an alert said already?"""
        return any(flip in each.rows for each in self._said.get(key, []) if each.alert == alert)

    def inhibited(self, key: Key, alert: str) -> str | None:
        """For whose sake nobody was told of an alert, so far."""
        return next((each.inhibited_by for each in self._said.get(key, []) if each.alert == alert), None)

    def write(self, con: DuckDBPyConnection, key: Key, row: Row) -> None:
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


def dimension_of(rule: AnyRule) -> str:
    """By what a rule tells its members apart."""
    return "suite" if isinstance(rule, Quality) else rule.by


def _asked(rule: AnyRule, member: str) -> bool:
    if isinstance(rule, Quality):
        return rule.suites is None or member in rule.suites
    return rule.members is None or member in rule.members


def _not_untold(condition: Condition, standing: Sequence[Said]) -> Condition:
    """What the clock saw to fire did fire, and ended after that, whatever came late."""
    fired = next((each.fired_us for each in standing if each.begin_us == condition.raised_us), None)
    if fired is None or condition.ended_us is None or condition.ended_us > fired:
        return condition
    return replace(condition, ended_us=fired + 1)


def _last_of_all(rule: AnyRule) -> int:
    """0 and 1 for those that can inhibit others."""
    return 0 if isinstance(rule, Quality) else 1 if getattr(rule, "by", "") == "all" else 2
