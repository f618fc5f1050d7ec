"""Rules that depend on the clock: silence, and the quality of data as the regular checks find it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.stream import ALL
from pipeline.alerting.rules import Quality, Silence
from pipeline.spans import microseconds
from pipeline.sql import fill

HOUR_US = microseconds("1h")
DAY_US = microseconds("1d")
WEEK_US = microseconds("7d")
HOURS = 168
WEEKS = 4
EXPECTED = 30.0
"""Events that would have come by now if all were as usual: none of so many is no chance."""


class Pulse(NamedTuple):
    """When a member's events come: the last one, the first one, and how many in each hour of the week."""

    last_us: int
    first_us: int
    by_hour: tuple[int, ...]


class SilenceRule:
    """One rule: who has been silent for too long."""

    def __init__(self, rule: Silence) -> None:
        self.rule = rule
        self._held: dict[int, Condition] = {}
        self._ended: list[Condition] = []
        self.waiting: dict[int, str] = {}

    def conditions(self) -> list[Condition]:
        """All that was found since the start."""
        return [*self._ended, *self._held.values()]

    def hold(self, conditions: list[Condition]) -> None:
        """Go on with what held when this was last asked, in an earlier run."""
        self._held = {each.member: each for each in conditions}

    def look(self, con: DuckDBPyConnection, now_us: int) -> None:
        """Judge all members at this moment."""
        pulses = self._pulses(con, now_us)
        self.waiting = {}
        for member, pulse in pulses.items():
            silent_since = self._silent_since(member, pulse, now_us)
            held = self._held.get(member)
            if held is not None and (silent_since is None or pulse.last_us >= held.raised_us):
                del self._held[member]
                ended = Condition(
                    member, held.raised_us, held.since_us, 0, None, max(pulse.last_us, held.raised_us)
                )
                self._ended.append(ended)
                held = None
            if held is None and silent_since is not None:
                self._held[member] = Condition(member, silent_since, pulse.last_us, 0, None)

    def _silent_since(self, member: int, pulse: Pulse, now_us: int) -> int | None:
        """When the silence became too long; None where it is not."""
        if self.rule.after != "usual":
            limit = pulse.last_us + microseconds(self.rule.after)
            return limit if now_us > limit else None
        if pulse.last_us - pulse.first_us < WEEK_US:
            self.waiting[member] = "less than a week of events"
            return None
        weeks = min(WEEKS, max(1.0, (now_us - pulse.first_us) / WEEK_US))
        return too_long(pulse, weeks, now_us)

    def _pulses(self, con: DuckDBPyConnection, now_us: int) -> Mapping[int, Pulse]:
        column = str(ALL) if self.rule.by == "all" else self.rule.by
        moments = {"after_us": now_us - WEEKS * WEEK_US, "now_us": now_us, "hour_us": HOUR_US, "hours": HOURS}
        rows = con.execute(fill("alert_pulses", member=column), moments).fetchall()
        found: dict[int, Pulse] = {}
        for member, hour, count, first, last in rows:
            old = found.get(member, Pulse(last, first, (0,) * HOURS))
            by_hour = (*old.by_hour[:hour], count, *old.by_hour[hour + 1 :])
            found[member] = Pulse(max(old.last_us, last), min(old.first_us, first), by_hour)
        return found


class QualityRule:
    """One rule: which suites of checks fail. A suite is told by its place in SUITES, as `member_of` says."""

    def __init__(self, rule: Quality) -> None:
        self.rule = rule
        self._held: dict[int, Condition] = {}
        self._ended: list[Condition] = []

    def conditions(self) -> list[Condition]:
        """All that was found since the start."""
        return [*self._ended, *self._held.values()]

    def hold(self, conditions: list[Condition]) -> None:
        """Go on with what held when this was last asked, in an earlier run."""
        self._held = {each.member: each for each in conditions}

    def look(self, failures: Mapping[str, Sequence[str]], as_of_us: int) -> None:
        """Take the checks that a run found to fail, by suite."""
        for suite in SUITES:
            member, failing = member_of(suite), tuple(failures.get(suite, ()))
            held = self._held.get(member)
            if failing and held is None:
                self._held[member] = Condition(member, as_of_us, as_of_us, 0, None, named=failing)
            elif not failing and held is not None:
                self._ended.append(replace(self._held.pop(member), ended_us=as_of_us))


SUITES = ("touchpoints", "rejections", "metrics")


def member_of(suite: str) -> int:
    """A suite's number, which is no name's.

    >>> [member_of(suite) for suite in SUITES]
    [-1, -2, -3]
    """
    return -1 - SUITES.index(suite)


def too_long(pulse: Pulse, weeks: float, now_us: int) -> int | None:
    """When so many events were overdue that silence is no chance; None if that is not yet.

    >>> each_hour = Pulse(last_us=0, first_us=0, by_hour=(40,) * HOURS)  # 10 an hour over four weeks
    >>> too_long(each_hour, 4, 2 * HOUR_US), too_long(each_hour, 4, 4 * HOUR_US) == 3 * HOUR_US
    (None, True)
    """
    overdue, at = 0.0, pulse.last_us
    while at < now_us:
        hour_ends = min((at // HOUR_US + 1) * HOUR_US, now_us)
        rate = pulse.by_hour[at // HOUR_US % HOURS] / weeks / HOUR_US
        if overdue + rate * (hour_ends - at) >= EXPECTED:
            return at + round((EXPECTED - overdue) / rate)
        overdue, at = overdue + rate * (hour_ends - at), hour_ends
    return None
