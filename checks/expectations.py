"""The kinds of expectation a suite may hold; run.py says each of them to Great Expectations.

SQL of `NoRows` and `Measured` is the project's own; `{batch}` in it stands for the table looked at.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Where:
    """Only rows whose `column` is one of `members` are looked at."""

    column: str
    members: tuple[str, ...]

    def __str__(self) -> str:
        return f" where {self.column} is {_one_of(self.members)}"


@dataclass(frozen=True)
class NeverNull:
    """A column is filled in every row.

    >>> NeverNull("touchpoints", "id").rule
    'id is never null'
    """

    table: str
    column: str
    where: Where | None = None

    @property
    def name(self) -> str:
        """What the report calls it."""
        return f"{self.column}_never_null"

    @property
    def rule(self) -> str:
        """What is expected, in words."""
        return f"{self.column} is never null{self.where or ''}"


@dataclass(frozen=True)
class Between:
    """A column's values, where there are any, lie within `low` and `high`, both included.

    >>> Between("touchpoints", "csat", 1, 5).rule
    'csat lies within 1 and 5'
    """

    table: str
    column: str
    low: float
    high: float
    where: Where | None = None
    called: str = ""

    @property
    def name(self) -> str:
        """What the report calls it."""
        return self.called or f"{self.column}_in_range"

    @property
    def rule(self) -> str:
        """What is expected, in words."""
        return f"{self.column} lies within {self.low:,} and {self.high:,}{self.where or ''}"


@dataclass(frozen=True)
class OneOf:
    """A column's values, where there are any, are from a closed list.

    >>> OneOf("touchpoints", "stage", ("awareness", "purchase")).rule
    'stage is awareness or purchase'
    """

    table: str
    column: str
    members: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the report calls it."""
        return f"{self.column}_known"

    @property
    def rule(self) -> str:
        """What is expected, in words."""
        return f"{self.column} is {_one_of(self.members)}"


@dataclass(frozen=True)
class NoRows:
    """A query finds nothing: each row of `sql` is an offender, described by the columns it selects."""

    table: str
    name: str
    rule: str
    sql: str
    column: str | None = None


@dataclass(frozen=True)
class Measured:
    """One row of figures, `sql`, for which the SQL condition `holds` is true.

    Where `holds` is null there is nothing to judge: `unjudged` says why, and the expectation is met.
    """

    table: str
    name: str
    rule: str
    sql: str
    holds: str
    unjudged: str
    column: str | None = None


Expectation = NeverNull | Between | OneOf | NoRows | Measured


def instant(moment: datetime) -> str:
    """A moment as SQL writes it, whatever the session's zone.

    >>> instant(datetime(2026, 11, 21, 10, tzinfo=UTC))
    "timestamptz '2026-11-21T10:00:00+00:00'"
    """
    return f"timestamptz '{moment.astimezone(UTC).isoformat()}'"


def texts(members: Iterable[str]) -> str:
    """A closed list as SQL writes it.

    >>> texts(("csat", "nps"))
    "'csat', 'nps'"
    """
    return ", ".join(f"'{member}'" for member in members)


def _one_of(members: tuple[str, ...]) -> str:
    *others, last = members
    return f"{', '.join(others)} or {last}" if others else last
