"""The alerts that fire, at a glance: a line each, of the first few."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from pipeline.alerting.standing import version

MOST = 3

_FIRING = """
select severity, because, inhibited_by is not null
from alerts
where state = 'firing'
order by
    inhibited_by is not null,
    list_position(['critical', 'warning', 'info'], severity),
    firing_at desc,
    alert
"""


class Glance:
    """What fires, looked up again only when there is something new of it: it is looked at every second."""

    def __init__(self) -> None:
        self._version = ""
        self._lines: list[str] = []

    def lines(self, con: DuckDBPyConnection) -> list[str]:
        """A line for each alert that fires, the gravest and latest first; inhibited ones last."""
        found = version(con)
        if found != self._version:
            self._lines = [
                f"{severity}: {because}{' (inhibited)' if inhibited else ''}"
                for severity, because, inhibited in con.execute(_FIRING).fetchall()
            ]
            self._version = found
        return self._lines


def first_few(lines: Sequence[str], most: int = MOST) -> list[str]:
    """So many of them, and how many more there are.

    >>> first_few(["a", "b", "c", "d", "e"])
    ['a', 'b', 'c', 'and 2 more firing']
    """
    more = len(lines) - most
    return [*lines[:most], f"and {more:,} more firing"] if more > 0 else list(lines)


def how_many(lines: Sequence[str]) -> str:
    """How many fire, in words.

    >>> how_many([]), how_many(["a"])
    ('', '1 alert firing')
    """
    return f"{len(lines):,} alert{'s' * (len(lines) != 1)} firing" if lines else ""
