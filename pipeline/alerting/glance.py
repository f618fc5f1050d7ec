"""The alerts that fire, at a glance: a line each, of the first few."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.standing import SILENCED
from pipeline.alerting.standing import version

MOST = 3

_FIRING = f"""
select severity, because, inhibited_by is not null, {SILENCED} as silenced
from alerts as flip
where state = 'firing'
order by
    silenced,
    inhibited_by is not null,
    list_position(['critical', 'warning', 'info'], severity),
    firing_at desc,
    alert
"""
_CHANGES = """
select min(moment)
from (select unnest([starts_at, ends_at]) as moment from silences)
where moment > $now
"""


class Firing(NamedTuple):
    """An alert that fires, in a line. `silenced`: somebody has asked not to be told of it."""

    line: str
    silenced: bool = False


class Glance:
    """What fires, looked up again only when there is something new of it: it is looked at every second."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._version = ""
        self._until: datetime | None = None
        self._found: list[Firing] = []

    def firing(self, con: DuckDBPyConnection) -> list[Firing]:
        """The gravest and latest first; inhibited ones after them, silenced ones last."""
        found, now = version(con), self._clock()
        if found != self._version or (self._until is not None and now >= self._until):
            self._found = [_told(*row) for row in con.execute(_FIRING, {"now": now}).fetchall()]
            ((self._until,),) = con.execute(_CHANGES, {"now": now}).fetchall()
            self._version = found
        return self._found


def _told(severity: str, because: str, inhibited: bool, silenced: bool) -> Firing:
    why = ", ".join([*["silenced"] * silenced, *["inhibited"] * inhibited])
    return Firing(f"{severity}: {because}{why and f' ({why})'}", silenced)


def first_few(found: Sequence[Firing], most: int = MOST) -> list[str]:
    """So many of their lines, and how many more there are.

    >>> first_few([Firing("a"), Firing("b"), Firing("c"), Firing("d"), Firing("e (silenced)", True)])
    ['a', 'b', 'c', 'and 1 more firing, 1 silenced']
    """
    left = found[most:]
    return [*(each.line for each in found[:most]), *[f"and {_counts(left, ' more')}"] * bool(left)]


def how_many(found: Sequence[Firing]) -> str:
    """How many fire, in words; those that are silenced are counted apart.

    >>> how_many([]), how_many([Firing("a")]), how_many([Firing("a"), Firing("b"), Firing("c", True)])
    ('', '1 alert firing', '2 alerts firing, 1 silenced')
    >>> how_many([Firing("a", True)])
    '1 alert silenced'
    """
    loud = sum(not each.silenced for each in found)
    noun = f" alert{'s' * ((loud or len(found)) != 1)}"
    return _counts(found, noun) if found else ""


def _counts(found: Sequence[Firing], noun: str) -> str:
    silenced = sum(each.silenced for each in found)
    loud = len(found) - silenced
    firing = f"{loud:,}{noun} firing"
    if not silenced:
        return firing
    return f"{firing}, {silenced:,} silenced" if loud else f"{silenced:,}{noun} silenced"
