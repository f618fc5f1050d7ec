"""Where alerts stand: by the flips that no later one revises, and none from before a retraction."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from duckdb import DuckDBPyConnection

SILENCED = """exists (
    from silences
    where starts_at <= $now and $now < ends_at
        and coalesce(silences.rule = flip.rule, true)
        and coalesce(silences.dimension = flip.dimension, true)
        and coalesce(silences.member = flip.member, true)
)"""
"""Whether a silence matches `flip` at $now."""


class Standing(NamedTuple):
    """The last flip of an alert that stands. `silenced`: a silence matches the alert at this moment."""

    alert: str
    number: int
    state: str
    occurred_at: datetime
    recorded_at: datetime
    inhibited_by: str | None
    silenced: bool

    @property
    def ended(self) -> bool:
        """Is it over?"""
        return self.state in ("resolved", "retracted")


_STANDING = f"""
with standing as (
    select *, coalesce(max(number) filter (state = 'retracted') over (partition by alert), 0) as retraction,
    from flips as flip
    where {{which}} and not exists (
        from flips as later
        where later.alert = flip.alert and later.revises = flip.flip and later.number > flip.number
    )
)

select alert, number, state, occurred_at, recorded_at, inhibited_by, {SILENCED} as silenced,
from standing as flip
where number >= retraction
qualify row_number() over (
    partition by alert
    order by
        number > retraction desc, list_position(['pending', 'firing', 'resolved', 'retracted'], state) desc,
        number desc
) = 1
"""


def standing(con: DuckDBPyConnection, alerts: Iterable[str], now: datetime) -> dict[str, Standing]:
    """Where these alerts stand; one that is not known is left out."""
    query = _STANDING.format(which="alert in (select unnest($alerts))")
    rows = con.execute(query, {"alerts": sorted(set(alerts)), "now": now}).fetchall()
    return {row[0]: Standing(*row) for row in rows}


def all_firing(con: DuckDBPyConnection, now: datetime) -> list[int]:
    """The flips by which alerts fire now, in the order they were recorded."""
    query = f"select number from ({_STANDING.format(which='true')}) where state = 'firing' order by number"
    return [number for (number,) in con.execute(query, {"now": now}).fetchall()]
