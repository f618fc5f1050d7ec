"""What is held back: alerts that are inhibited or silenced, until they are not, or have ended."""

from datetime import datetime

from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.intake import drop_held
from pipeline.alerting.delivery.standing import standing


def release(con: DuckDBPyConnection, notifier: str, now: datetime) -> None:
    """Let what is held wait to be told if nothing holds it any more; forget what has ended meanwhile."""
    held = _held(con, notifier)
    if not held:
        return
    stands = standing(con, held, now)
    firing = [each for each in stands.values() if each.state == "firing"]
    inhibitors = standing(con, (each.inhibited_by for each in firing if each.inhibited_by), now)
    active = {alert for alert, each in inhibitors.items() if not each.ended}
    drop_held(con, notifier, [alert for alert, each in stands.items() if each.ended])
    free = [each.number for each in firing if not each.silenced and each.inhibited_by not in active]
    if free:
        con.execute(
            "update internal.deliveries as entry set stage = 'waiting', number = flips.number, "
            "flip = flips.flip from flips where entry.notifier = $1 and entry.stage = 'held' "
            "and entry.alert = flips.alert and flips.number in (select unnest($2))",
            [notifier, free],
        )


def is_held(con: DuckDBPyConnection, notifier: str) -> bool:
    """Is anything held back?"""
    return bool(_held(con, notifier, "limit 1"))


def _held(con: DuckDBPyConnection, notifier: str, limit: str = "") -> list[str]:
    query = f"select alert from internal.deliveries where notifier = $1 and stage = 'held' {limit}"
    return [alert for (alert,) in con.execute(query, [notifier]).fetchall()]
