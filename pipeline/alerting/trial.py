"""A rule tried on history: when it would have fired, and what it would have said. Nothing is written."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.evaluator import Evaluator
from pipeline.alerting.evidence import contributors, figures
from pipeline.alerting.life import alerts_of
from pipeline.alerting.rules import AnyRule, Change, Drop, OfMetric, Threshold
from pipeline.alerting.said import us_of
from pipeline.alerting.words import moment, told
from pipeline.errors import InputError
from pipeline.spans import microseconds


class Tried(NamedTuple):
    """A flip that would have been."""

    at: datetime
    member: str
    state: str
    because: str


class Trial(NamedTuple):
    """What a rule does on history: its flips by time, and how many members it could not follow at the end."""

    flips: list[Tried]
    learning: int

    def as_dict(self) -> dict[str, Any]:
        """For programs: moments as RFC 3339."""
        flips = [{**each._asdict(), "at": each.at.isoformat().replace("+00:00", "Z")} for each in self.flips]
        return {"flips": flips, "learning": self.learning}

    def summary(self, rule: str) -> str:
        """How often it would have fired, in a sentence.

        >>> Trial([], 2).summary("falls")
        'falls would not have fired; at the end it was still learning 2 members'
        """
        times = sum(each.state == "firing" for each in self.flips)
        fired = f"would have fired {times:,} time{'s'[: times > 1]}" if times else "would not have fired"
        learning = f"; at the end it was still learning {self.learning:,} members" if self.learning else ""
        return f"{rule} {fired}{learning}"


def of_events(rule: AnyRule) -> Threshold | Drop | Change:
    """A rule that can be tried; InputError where it depends on the clock, which history does not tell."""
    if isinstance(rule, Threshold | Drop | Change):
        return rule
    raise InputError(f"{rule.name} depends on the clock, and cannot be tried on history; name another rule")


def trial(con: DuckDBPyConnection, rule: Threshold | Drop | Change, until: datetime) -> Trial:
    """What a rule about a metric would have said until a moment."""
    evaluator = Evaluator([rule], con)
    while evaluator.step(con, us_of(until)):
        pass
    names = dict(con.execute("select number, name from internal.names").fetchall())
    flips = _flips(con, rule, evaluator.found()[rule.name], until, names)
    return Trial(sorted(flips), len(evaluator.waiting()[rule.name]))


def _flips(
    con: DuckDBPyConnection, rule: OfMetric, found: list[Condition], until: datetime, names: dict[int, str]
) -> Iterator[Tried]:
    hold, keep = (microseconds(each) if each else 0 for each in (rule.hold, rule.keep_firing_for))
    for number in sorted({each.member for each in found}):
        member = names[number]
        if rule.members is None or member in rule.members:
            own = [each for each in found if each.member == number]
            for alert in alerts_of(own, us_of(until), hold, keep):
                for flip in alert:
                    because = _because(con, rule, member, flip.condition) if flip.state != "resolved" else ""
                    yield Tried(moment(flip.at_us), member, flip.state, because)


def _because(con: DuckDBPyConnection, rule: OfMetric, member: str, found: Condition) -> str:
    between = (con, rule, found.member, found.since_us, found.raised_us)
    return told(rule, member, found, figures(*between), contributors(*between))
