"""Which flips a notifier is to be told: each flip is looked at once, in the order they were recorded."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.alert import group_labels
from pipeline.alerting.delivery.flip import Flip, flips, numbers_after
from pipeline.alerting.delivery.standing import Standing, all_firing, standing
from pipeline.connection import one, registered

AT_ONCE = 500
HISTORY = timedelta(days=1)
"""An alert that had ended so long before anybody computed it is history, and none to be told of."""

Stage = Literal["held", "waiting", "told", "failed"]


@dataclass
class Entry:
    """A row of `internal.deliveries`, as far as it is decided here."""

    number: int
    flip: str
    alert: str
    state: str
    grouped: str
    stage: Stage


def take_in(con: DuckDBPyConnection, notifier: str, group_by: Sequence[str], now: datetime) -> bool:
    """Look at the next AT_ONCE flips; say whether there were any.

    A notifier that is new is told what fires now, and nothing of the past.
    """
    taken = taken_by(con, notifier)
    if taken is None:
        numbers = all_firing(con, now)
        last = one(con, "select coalesce(max(number), 0) from flips")
        con.execute("insert into internal.notifiers values ($1, $2, 0, null, null)", [notifier, last])
    else:
        numbers = numbers_after(con, taken, AT_ONCE)
        if not numbers:
            return False
        con.execute("update internal.notifiers set taken = $1 where notifier = $2", [max(numbers), notifier])
    for first in range(0, len(numbers), AT_ONCE):
        found = flips(con, numbers[first : first + AT_ONCE])
        _Intake(con, notifier, group_by, now).take(found, all_news=taken is None)
    return bool(numbers)


def taken_by(con: DuckDBPyConnection, notifier: str) -> int | None:
    """How far a notifier has looked through `flips`; None for a new one."""
    taken: int | None = one(
        con, "select taken from internal.notifiers where notifier = $name", {"name": notifier}
    )
    return taken


class _Intake:
    """Some flips on their way to a notifier's deliveries."""

    def __init__(
        self, con: DuckDBPyConnection, notifier: str, group_by: Sequence[str], now: datetime
    ) -> None:
        self._con = con
        self._notifier = notifier
        self._group_by = group_by
        self._now = now
        self._fresh: list[Entry] = []
        self._dropped: list[str] = []

    def take(self, found: Sequence[Flip], *, all_news: bool) -> None:
        """`all_news`: the notifier was told nothing yet, so no revision can repeat what it knows."""
        alerts = {each.alert for each in found}
        known = self._known(alerts)
        stands = standing(self._con, alerts, self._now)
        revising = [] if all_news else [each.number for each in found if each.revises]
        same = self._revising_nothing_but_evidence(revising)
        for flip in found:
            before = known.get(flip.alert)
            if flip.number in same or not _concerns(flip, before, self._notifier, stands):
                continue
            if flip.state == "firing":
                withheld = flip.inhibited_by is not None or stands[flip.alert].silenced
                known[flip.alert] = self._add(flip, before, "held" if withheld else "waiting")
            elif before is not None and before.stage == "held":
                self._drop(before)
                del known[flip.alert]
            else:
                known[flip.alert] = self._add(flip, before, "waiting")
        self._write()

    def _add(self, flip: Flip, before: Entry | None, stage: Stage) -> Entry:
        """An alert stays in its group whatever is changed in the rules, for the sake of the order."""
        grouped = before.grouped if before else json.dumps(group_labels(flip, self._group_by))
        entry = Entry(flip.number, flip.flip, flip.alert, flip.state, grouped, stage)
        self._fresh.append(entry)
        return entry

    def _drop(self, entry: Entry) -> None:
        self._fresh = [each for each in self._fresh if each is not entry]
        self._dropped.append(entry.alert)

    def _known(self, alerts: Iterable[str]) -> dict[str, Entry]:
        """The latest of what the notifier knows, or will, of each alert."""
        rows = self._con.execute(
            "select number, flip, alert, state, grouped, stage from internal.deliveries "
            "where notifier = $1 and latest and alert in (select unnest($2))",
            [self._notifier, sorted(alerts)],
        ).fetchall()
        return {row[2]: Entry(*row) for row in rows}

    def _revising_nothing_but_evidence(self, numbers: Sequence[int]) -> set[int]:
        """Those of these flips that revise one of the same state."""
        if not numbers:
            return set()
        rows = self._con.execute(
            "select flip.number from flips as flip join flips as former "
            "on former.alert = flip.alert and former.flip = flip.revises and former.number < flip.number "
            "where flip.number in (select unnest($1)) and former.state = flip.state",
            [numbers],
        ).fetchall()
        return {number for (number,) in rows}

    def _write(self) -> None:
        drop_held(self._con, self._notifier, self._dropped)
        if not self._fresh:
            return
        last = {each.alert: each.number for each in self._fresh}
        rows = [
            asdict(each) | {"notifier": self._notifier, "latest": last[each.alert] == each.number}
            for each in self._fresh
        ]
        with registered(self._con, {"fresh": pa.Table.from_pylist(rows)}):
            self._con.execute(
                "update internal.deliveries set latest = false "
                "where notifier = $1 and latest and alert in (select alert from fresh)",
                [self._notifier],
            )
            self._con.execute("insert into internal.deliveries by name select * from fresh")


def _concerns(flip: Flip, before: Entry | None, notifier: str, stands: Mapping[str, Standing]) -> bool:
    """Is this news for the notifier? Who was told that an alert fires is told of its end, whatever."""
    if flip.state == "pending":
        return False
    if flip.state != "firing":
        return before is not None and before.state != flip.state and not _unknown_there(before)
    if before is not None and before.state == "firing":
        return False
    return notifier in flip.notify and not _is_history(stands[flip.alert])


def _unknown_there(before: Entry) -> bool:
    """It fired, and the notifier would not hear of it."""
    return before.state == "firing" and before.stage == "failed"


def _is_history(alert: Standing) -> bool:
    return alert.ended and alert.recorded_at - alert.occurred_at > HISTORY


def drop_held(con: DuckDBPyConnection, notifier: str, alerts: Sequence[str]) -> None:
    """Forget what was held of these alerts: nobody is told of it."""
    if not alerts:
        return
    where = "notifier = $1 and alert in (select unnest($2))"
    con.execute(f"delete from internal.deliveries where {where} and stage = 'held'", [notifier, alerts])
    con.execute(
        f"update internal.deliveries as entry set latest = true where {where} and number = "
        "(select max(number) from internal.deliveries as other "
        "where other.notifier = entry.notifier and other.alert = entry.alert)",
        [notifier, alerts],
    )
