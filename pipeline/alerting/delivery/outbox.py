"""Messages: what waits for a group becomes one, and stays the same one until the notifier has answered."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.backoff import pause_after
from pipeline.alerting.delivery.flip import Flip, flips
from pipeline.alerting.delivery.standing import SILENCED

MOST = 200
"""Alerts in a message: what does not fit waits for the next."""


PAST, NEVER = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Message(NamedTuple):
    """What a notifier is to be told at once.

    `told` are flips in their order, `also` alerts of the same group that still fire, by their last flips;
    a message without flips repeats what fires. `key` is the same at every try.
    """

    notifier: str
    key: str
    labels: Mapping[str, str]
    told: Sequence[Flip]
    also: Sequence[Flip]
    attempts: int

    @property
    def alerts(self) -> list[Flip]:
        """Each alert once, by its last flip."""
        last = {each.alert: each for each in (*self.also, *self.told)}
        return list(last.values())

    @property
    def firing(self) -> bool:
        """Does any alert of it fire?"""
        return any(each.state == "firing" for each in self.alerts)


class Outbox:
    """The messages of one notifier. All is done in the transaction of the connection that is given.

    `repeat`: what fires is told again so long after it was told last; None: never. `repeats_silenced`: also
    while a silence matches it.
    """

    def __init__(self, notifier: str, repeat: timedelta | None, *, repeats_silenced: bool = False) -> None:
        self._notifier = notifier
        self._repeat = repeat
        self._audible = "$now is not null" if repeats_silenced else f"not {SILENCED}"

    def next(self, con: DuckDBPyConnection, now: datetime, *, only_repeats: bool = False) -> Message | None:
        """What to send now, if anything: what was never tried first, then what was tried least."""
        key = None if only_repeats else self._made_of_waiting(con, now)
        key = key or self._made_of_firing(con, now) or self._tried_least(con, now, only_repeats)
        return None if key is None else self._message(con, key)

    def rests(self, con: DuckDBPyConnection, now: datetime) -> bool:
        """Is the notifier left alone, since it did not take the last message?"""
        row = con.execute(
            "select next_attempt > $1 from internal.notifiers where notifier = $2", [now, self._notifier]
        ).fetchone()
        return bool(row and row[0])

    def due(self, con: DuckDBPyConnection) -> datetime:
        """When there will be something to send or to send again: the past, if there is; NEVER, if not."""
        parameters = {"notifier": self._notifier, "repeat": self._repeat, "never": NEVER, "past": PAST}
        row = con.execute(_DUE, parameters).fetchone()
        return row[0] if row else NEVER

    def told(self, con: DuckDBPyConnection, message: Message, now: datetime) -> None:
        """The notifier has taken it."""
        self._answered(con, message, now, [*message.told, *message.also], "told", None)
        self._clear(con)

    def failed(self, con: DuckDBPyConnection, message: Message, now: datetime, error: str) -> None:
        """The notifier refuses it for good. Alerts that fire are told again with the next repeat."""
        self._answered(con, message, now, message.told, "failed", error)
        self._answered(con, message, now, message.also, None, error)
        self._clear(con)

    def later(
        self, con: DuckDBPyConnection, message: Message, now: datetime, error: str, least: timedelta
    ) -> None:
        """The notifier cannot take it now; it is left alone for a while, at least for `least`."""
        own = {"notifier": self._notifier, "error": error}
        con.execute(
            "update internal.outbox set attempts = attempts + 1, next_attempt = $next, error = $error "
            "where notifier = $notifier and key = $key",
            own | {"key": message.key, "next": now + max(least, pause_after(message.attempts + 1))},
        )
        row = con.execute(
            "select failures from internal.notifiers where notifier = $1", [self._notifier]
        ).fetchone()
        failures = (row[0] if row else 0) + 1
        con.execute(
            "update internal.notifiers set failures = $failures, next_attempt = $next, error = $error "
            "where notifier = $notifier",
            own | {"failures": failures, "next": now + max(least, pause_after(failures))},
        )

    def _tried_least(self, con: DuckDBPyConnection, now: datetime, only_repeats: bool) -> str | None:
        return self._first(
            con,
            "select key from internal.outbox where notifier = $notifier "
            "and coalesce(next_attempt <= $now, true) and (numbers = [] or not $only_repeats) "
            "order by attempts, numbers limit 1",
            {"now": now, "only_repeats": only_repeats},
        )

    def _made_of_waiting(self, con: DuckDBPyConnection, now: datetime) -> str | None:
        """A message of the group that has waited longest, if all its messages before are off."""
        grouped = self._first(
            con,
            "select grouped from internal.deliveries where notifier = $notifier and stage = 'waiting' "
            "and grouped not in (select grouped from internal.outbox where notifier = $notifier) "
            "group by grouped order by min(number) limit 1",
        )
        if grouped is None:
            return None
        rows = con.execute(
            f"select number, {_KEY}, alert from internal.deliveries as entry where notifier = $1 "
            "and grouped = $2 and stage = 'waiting' order by number limit $3",
            [self._notifier, grouped, MOST],
        ).fetchall()
        told = {alert for *_, alert in rows}
        also = [number for number, alert in self._firing(con, grouped, now) if alert not in told]
        keys = [key for _, key, _ in rows]
        key = keys[0] if len(keys) == 1 else sha256("\n".join(keys).encode()).hexdigest()
        return self._put(con, key, grouped, [number for number, *_ in rows], also[: MOST - len(told)])

    def _made_of_firing(self, con: DuckDBPyConnection, now: datetime) -> str | None:
        """A message that repeats what fires in a group, if that is due."""
        if self._repeat is None:
            return None
        grouped = self._first(
            con,
            "select grouped from internal.deliveries as entry join flips as flip using (number) "
            f"where notifier = $notifier and {_FIRING} and {self._audible} "
            "and grouped not in (select grouped from internal.outbox where notifier = $notifier) "
            "group by grouped having min(answered_at) <= $due order by min(answered_at) limit 1",
            {"due": now - self._repeat, "now": now},
        )
        if grouped is None:
            return None
        also = [number for number, _ in self._firing(con, grouped, now)]
        key = sha256(f"{self._notifier}\n{also}\n{now.isoformat()}".encode()).hexdigest()
        return self._put(con, key, grouped, [], also)

    def _firing(self, con: DuckDBPyConnection, grouped: str, now: datetime) -> list[tuple[int, str]]:
        """What fires in a group as far as the notifier was told, what it was told longest ago first."""
        return con.execute(
            "select number, entry.alert from internal.deliveries as entry join flips as flip using (number) "
            f"where notifier = $notifier and grouped = $grouped and {_FIRING} and {self._audible} "
            "order by answered_at, number limit $most",
            {"notifier": self._notifier, "grouped": grouped, "now": now, "most": MOST},
        ).fetchall()

    def _put(
        self, con: DuckDBPyConnection, key: str, grouped: str, numbers: list[int], also: list[int]
    ) -> str:
        con.execute(
            "insert into internal.outbox values ($1, $2, $3, $4, $5, 0, null, null)",
            [self._notifier, key, grouped, numbers, also],
        )
        return key

    def _message(self, con: DuckDBPyConnection, key: str) -> Message:
        ((grouped, numbers, also, attempts),) = con.execute(
            "select grouped, numbers, also, attempts from internal.outbox where notifier = $1 and key = $2",
            [self._notifier, key],
        ).fetchall()
        found = flips(con, numbers), flips(con, also)
        return Message(self._notifier, key, json.loads(grouped), *found, attempts)

    def _answered(
        self,
        con: DuckDBPyConnection,
        message: Message,
        now: datetime,
        about: Sequence[Flip],
        stage: str | None,
        error: str | None,
    ) -> None:
        con.execute(
            "delete from internal.outbox where notifier = $1 and key = $2", [self._notifier, message.key]
        )
        con.execute(
            "update internal.deliveries "
            "set stage = coalesce($stage, stage), answered_at = $now, error = $error "
            "where notifier = $notifier and number in (select unnest($numbers))",
            {
                "notifier": self._notifier,
                "stage": stage,
                "now": now,
                "error": error,
                "numbers": [each.number for each in about],
            },
        )

    def _clear(self, con: DuckDBPyConnection) -> None:
        """It answers."""
        con.execute(
            "update internal.notifiers set failures = 0, next_attempt = null, error = null "
            "where notifier = $1 and failures > 0",
            [self._notifier],
        )

    def _first(
        self, con: DuckDBPyConnection, query: str, parameters: Mapping[str, object] | None = None
    ) -> str | None:
        row = con.execute(query, {"notifier": self._notifier, **(parameters or {})}).fetchone()
        return row[0] if row else None


_FIRING = "entry.latest and entry.state = 'firing' and entry.stage in ('told', 'failed')"
_DUE = """
select greatest(
    least(
        (select min(coalesce(next_attempt, $past)) from internal.outbox where notifier = $notifier),
        (select min($past) from internal.deliveries where notifier = $notifier and stage = 'waiting'),
        (
            select min(answered_at) + $repeat::interval
            from internal.deliveries as entry
            where notifier = $notifier and {firing}
        ),
        $never
    ),
    (select max(next_attempt) from internal.notifiers where notifier = $notifier)
)
""".replace("{firing}", _FIRING)
_KEY = """if(
    exists (
        from internal.deliveries as former
        where former.notifier = entry.notifier and former.flip = entry.flip and former.number < entry.number
    ),
    entry.flip || '-' || entry.number,
    entry.flip
)"""
"""A flip's id; one that is said again, after it was retracted, is another for whoever was told of it."""
