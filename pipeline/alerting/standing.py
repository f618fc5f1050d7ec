"""Where alerts stand, for people and for programs: view `alerts`, and what silence matches each."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.errors import InputError
from pipeline.sql import load

RECENT = 20
"""Of those that have ended, so many are shown unless all are asked for."""
SHORT = 8
"""Characters of an id that tell alerts apart, nearly always."""
_IN_JSON = ("labels", "annotations", "contributors")
_NAMED = 5


def alerts(
    con: DuckDBPyConnection,
    now: datetime,
    *,
    live: int | None = None,
    ended: int | None = RECENT,
    alert: str | None = None,
) -> list[dict[str, Any]]:
    """The columns of `alerts`, and `silenced_until`: those that fire first, pending ones, the latest ended.

    At most so many that are `live` (firing, pending) and that have `ended`; None: all of them.
    """
    asked = {"moment": now, "live": live, "ended": ended, "alert": alert}
    return rows(con.execute(load("alerts"), asked))


def counts(con: DuckDBPyConnection) -> dict[str, int]:
    """How many alerts stand in each state."""
    found = dict(con.execute("select state, count(*) from alerts group by state").fetchall())
    return {state: found.get(state, 0) for state in ("firing", "pending", "resolved", "retracted")}


def version(con: DuckDBPyConnection) -> str:
    """Another text whenever a flip was recorded, or a silence was made or ended."""
    flips, silences = con.execute(
        "select (select coalesce(max(number), 0) from flips), (select sum(epoch_us(ends_at)) from silences)"
    ).fetchall()[0]
    return f"{flips} {silences or 0}"


def whole_id(con: DuckDBPyConnection, column: str, table: str, beginning: str) -> str:
    """The one id in `column` of `table` that begins so; InputError where there is none, or several."""
    found = con.execute(
        f"select distinct {column} from {table} where starts_with({column}, $beginning) order by 1",
        {"beginning": beginning},
    ).fetchall()
    ids = [each for (each,) in found]
    if beginning in ids or (beginning and len(ids) == 1):
        return beginning if beginning in ids else str(ids[0])
    listed = "firsthand alerts list --all" if column == "alert" else "firsthand alerts silence --list"
    if not ids or not beginning:
        raise InputError(f"no {column} begins with '{beginning}': `{listed}` shows them")
    named = ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")
    raise InputError(f"{len(ids)} {table} begin with '{beginning}' ({named}): write more of the id")


def rows(found: DuckDBPyConnection) -> list[dict[str, Any]]:
    """What was asked, as JSON has it: moments as RFC 3339 in UTC, exact numbers as numbers."""
    names = [each[0] for each in found.description or ()]
    return [
        {name: _told(name, value) for name, value in zip(names, row, strict=True)} for row in found.fetchall()
    ]


def _told(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if name in _IN_JSON and value is not None:
        return json.loads(value)
    return value
