"""One alert from its first flip to its last, with the evidence of each and the events behind it."""

from datetime import datetime
from typing import Any

import duckdb

from pipeline.alerting.standing import alerts, rows, whole_id


def explained(con: duckdb.DuckDBPyConnection, beginning: str, now: datetime) -> dict[str, Any]:
    """The alert whose id begins so: where it stands, and its flips as they were recorded.

    Each flip has `events`, how many its query returns now (None without a query), and `failed`, why the query
    could not be run (None where it could). InputError where no alert is meant, or several.
    """
    alert = whole_id(con, "alert", "alerts", beginning)
    (stands,) = alerts(con, now, alert=alert)
    flips = rows(con.execute("from flips where alert = $alert order by number", {"alert": alert}))
    counted = {query: _count(con, query) for query in {each["query"] for each in flips}}
    return {"alert": stands, "flips": [each | counted[each["query"]] for each in flips]}


def _count(con: duckdb.DuckDBPyConnection, query: str | None) -> dict[str, Any]:
    """How many rows the query gives, or why it cannot be known."""
    if query is None:
        return {"events": None, "failed": None}
    try:
        row = con.execute(f"select count(*) from ({query.rstrip().rstrip(';')})").fetchone()
    except duckdb.Error as error:
        return {"events": None, "failed": " ".join(str(error).split())[:200]}
    return {"events": row[0] if row else 0, "failed": None}
