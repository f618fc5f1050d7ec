"""A row of `flips`, as those who are told of it see it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from duckdb import DuckDBPyConnection


class Flip(NamedTuple):
    """One change of an alert's state; the columns of `flips`, and how the alert began.

    `fired_at`: when it began to fire. `begun`: severity and labels that it had then, by which others know
    it to its end, whatever is changed in the rules meanwhile. None for one that never fired.
    """

    number: int
    flip: str
    alert: str
    rule: str
    kind: str
    severity: str
    metric: str | None
    dimension: str
    member: str
    state: str
    occurred_at: datetime
    recorded_at: datetime
    because: str
    since: datetime | None
    numerator: Decimal | None
    denominator: int | None
    value: float | None
    low: float | None
    high: float | None
    baseline: float | None
    false_alarm_every: str | None
    query: str | None
    contributors: str | None
    inhibited_by: str | None
    labels: str
    annotations: str
    notify: list[str]
    revises: str | None
    fired_at: datetime | None
    begun: dict[str, str] | None


_COLUMNS = ", ".join(Flip._fields[:-2])
_FIRED = "from flips as fired where fired.alert = flip.alert and fired.state = 'firing'"
_FLIPS = f"""
select
    {_COLUMNS},
    (select arg_max(fired.occurred_at, fired.number) {_FIRED} and fired.number <= flip.number),
    (
        select arg_min({{'severity': fired.severity, 'labels': fired.labels}}, fired.number)
        {_FIRED} and fired.number <= flip.number
    ),
from flips as flip
where number in (select unnest($numbers))
order by number
"""


def flips(con: DuckDBPyConnection, numbers: Sequence[int]) -> list[Flip]:
    """The flips of these numbers, in their order."""
    return [Flip(*row) for row in con.execute(_FLIPS, {"numbers": list(numbers)}).fetchall()]


def numbers_after(con: DuckDBPyConnection, number: int, limit: int) -> list[int]:
    """The numbers of the first flips after this one."""
    query = "select number from flips where number > $1 order by number limit $2"
    return [found for (found,) in con.execute(query, [number, limit]).fetchall()]
