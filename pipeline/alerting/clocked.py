"""Rules that depend on the clock: silence, and the quality of data as the regular checks find it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.stream import ALL
from pipeline.alerting.rules import Quality, Silence
from pipeline.connection import one
from pipeline.spans import microseconds
from pipeline.sql import fill

HOUR_US = microseconds("1h")
WEEK_US = microseconds("7d")
HOURS = 168
WEEKS = 4
EXPECTED = 30.0
"""Events that would have come by now if all were as usual: none of so many is no chance."""


class Pulse(NamedTuple):
    """A member's last event; of the four weeks up to it the first one, and how many in each hour of week."""

    last_us: int
    first_us: int
    by_hour: tuple[int, ...]

    def rate(self, hour: int) -> float:
        """Events in a microsecond of an hour since 1970: the mean of the same hours of the weeks known.

        >>> Pulse(last_us=10 * WEEK_US - 1, first_us=8 * WEEK_US, by_hour=(40,) * HOURS).rate(0) * HOUR_US
        20.0
        >>> Pulse(last_us=12 * WEEK_US, first_us=8 * WEEK_US + 1, by_hour=(40,) * HOURS).rate(0) * HOUR_US
        10.0
        """
        of_week = hour % HOURS
        seen = (self.last_us // HOUR_US - of_week) // HOURS - (
            self.first_us // HOUR_US - 1 - of_week
        ) // HOURS
        return self.by_hour[of_week] / min(WEEKS, max(1, seen)) / HOUR_US


class SilenceRule:
    """One rule: who has been silent for too long."""

    def __init__(self, rule: Silence) -> None:
        self.rule = rule
        self._member = str(ALL) if rule.by == "all" else rule.by
        self._pulses: dict[int, Pulse] = {}
        self._posted = 0
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
        self._feel(con)
        self.waiting = {}
        for member, pulse in self._pulses.items():
            silent_since = self._silent_since(member, pulse, now_us)
            held = self._held.get(member)
            if held is not None and (silent_since is None or pulse.last_us >= held.raised_us):
                del self._held[member]
                self._ended.append(replace(held, ended_us=self._broken(con, held, pulse)))
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
        return too_long(pulse, now_us)

    def _broken(self, con: DuckDBPyConnection, held: Condition, pulse: Pulse) -> int:
        """When a silence ended: with the next event, or at once where one that came late disproves it."""
        if pulse.last_us < held.raised_us:
            return held.raised_us
        return int(
            one(
                con,
                "select min(epoch_us(occurred_at)) from internal.events "
                f"where {self._member} = $member and occurred_at >= make_timestamptz($raised_us)",
                {"member": held.member, "raised_us": held.raised_us},
            )
        )

    def _feel(self, con: DuckDBPyConnection) -> None:
        """Take the pulse of those of whom something came since the last look."""
        posted = one(con, "select posted from internal.progress")
        came = con.execute(fill("alert_latest", member=self._member), {"posted": self._posted}).fetchall()
        self._posted = posted
        for member, last in came:
            old = self._pulses.get(member)
            self._pulses[member] = Pulse(max(last, old.last_us) if old else last, last, (0,) * HOURS)
        if came and self.rule.after == "usual":
            self._count([member for member, _ in came], con)

    def _count(self, members: list[int], con: DuckDBPyConnection) -> None:
        lasts = [self._pulses[member].last_us for member in members]
        asked = {
            "members": members,
            "lasts": lasts,
            "after_us": min(lasts) - WEEKS * WEEK_US,
            "back_us": WEEKS * WEEK_US,
            "hour_us": HOUR_US,
            "hours": HOURS,
        }
        for member, first, hours, counts in con.execute(
            fill("alert_pulses", member=self._member), asked
        ).fetchall():
            by_hour = dict(zip(hours, counts, strict=True))
            self._pulses[member] = Pulse(
                self._pulses[member].last_us, first, tuple(by_hour.get(hour, 0) for hour in range(HOURS))
            )


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


def too_long(pulse: Pulse, now_us: int) -> int | None:
    """When so many events were overdue that silence is no chance; None if that is not yet.

    >>> each_hour = Pulse(last_us=0, first_us=1 - 4 * WEEK_US, by_hour=(40,) * HOURS)  # 10 in each
    >>> too_long(each_hour, 2 * HOUR_US), too_long(each_hour, 4 * HOUR_US) == 3 * HOUR_US
    (None, True)
    """
    overdue, at = 0.0, pulse.last_us
    while at < now_us:
        hour_ends = min((at // HOUR_US + 1) * HOUR_US, now_us)
        rate = pulse.rate(at // HOUR_US)
        if overdue + rate * (hour_ends - at) >= EXPECTED:
            return at + round((EXPECTED - overdue) / rate)
        overdue, at = overdue + rate * (hour_ends - at), hour_ends
    return None
