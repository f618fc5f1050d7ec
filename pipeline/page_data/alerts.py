"""Alerts for the page: those that fire, those that have ended lately, and how many there are."""

from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.alerting.standing import alerts, counts, version
from pipeline.page_data.current import at_one_moment
from pipeline.page_data.moments import written

MOST_LIVE = 50
"""More of them nobody reads: `firsthand alerts list` has them all."""
MOST_ENDED = 10
_SHOWN = (
    *("alert", "rule", "severity", "metric", "dimension", "member", "state", "because"),
    *("began_at", "firing_at", "ended_at", "inhibited_by", "silenced_until"),
)


def alerts_shown(con: DuckDBPyConnection, now: datetime) -> dict[str, Any]:
    """At most so many of each, what fires first; the counts of all by state, and the version of all that."""
    with at_one_moment(con) as as_of:
        found = alerts(con, now, live=MOST_LIVE, ended=MOST_ENDED)
        return {
            "as_of": written(as_of),
            "version": version(con),
            "counts": counts(con),
            "alerts": [{name: each[name] for name in _SHOWN} for each in found],
        }
