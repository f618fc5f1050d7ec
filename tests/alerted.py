"""Flips as an evaluation would write them, and couriers that deliver them when they are told to.

with alerted(tmp_path / "x.duckdb") as written:
    written.flip("a", "firing", member="phone")
    written.courier(receiver).step()
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from deliveries import NOON, new_store

from pipeline.alerting.delivery.courier import Courier
from pipeline.alerting.delivery.delivering import couriers
from pipeline.alerting.rules import Rules
from pipeline.connection import transaction
from pipeline.store import Store

SECRET = "not to be seen"  # noqa: S105 - a test's own
SHAPE = {
    "rule": "csat-falls",
    "kind": "change",
    "severity": "critical",
    "metric": "csat",
    "dimension": "channel",
    "because": "CSAT of phone fell from 86 % to 61 %",
    "labels": "{}",
    "annotations": "{}",
    "notify": ["hook"],
}
"""What a flip is where a test does not care."""


@dataclass
class Written:
    """A database with flips. `now` is the time, and stands still unless it is moved."""

    store: Store
    now: datetime = NOON
    said: list[str] = field(default_factory=list)

    def flip(self, alert: str, state: str, **columns: Any) -> int:
        """One more row; its number."""
        with self.store.beside() as con, transaction(con):
            ((number,),) = con.execute("select coalesce(max(number), 0) + 1 from flips").fetchall()
            row = SHAPE | {
                "number": number,
                "flip": f"{alert}-{state}",
                "alert": alert,
                "member": alert,
                "state": state,
                "occurred_at": self.now,
                "recorded_at": self.now,
            }
            row |= columns
            names = ", ".join(row)
            con.execute(f"insert into flips ({names}) values ({', '.join(f'${name}' for name in row)})", row)
        return int(number)

    def silence(self, last: timedelta, **columns: str) -> None:
        """From now on."""
        row = {"silence": "s", "starts_at": self.now, "ends_at": self.now + last, "comment": "", **columns}
        with self.store.beside() as con:
            names = ", ".join(row)
            con.execute(
                f"insert into silences ({names}) values ({', '.join(f'${name}' for name in row)})", row
            )

    def pass_(self, **time: float) -> None:
        """Let it be later."""
        self.now += timedelta(**time)

    def couriers(self, urls: dict[str, str], **notifier: Any) -> dict[str, Courier]:
        """The log's, and a notifier for each address: webhooks, unless told otherwise."""
        notifiers = {
            name: {"kind": "webhook", "url_env": name.upper(), "secret_env": "SECRET", "group_by": ["member"]}
            | notifier
            for name in urls
        }
        rules = Rules.model_validate({"rules": [], "notifiers": notifiers})
        environ = {name.upper(): url for name, url in urls.items()} | {"SECRET": SECRET}
        made = couriers(self.store, rules, clock=lambda: self.now, say=self.said.append, environ=environ)
        return {each.name: each for each in made}

    def courier(self, url: str, **notifier: Any) -> Courier:
        """That of the notifier `hook`; it has looked at what is there."""
        found = self.couriers({"hook": url}, **notifier)["hook"]
        found.step()
        return found

    def rows(self, query: str) -> list[tuple]:
        with self.store.reading() as con:
            return con.execute(query).fetchall()


@contextmanager
def alerted(path: Path) -> Iterator[Written]:
    with new_store(path) as store:
        written = Written(store)
        yield written
        assert not [each for each in written.said if "waits for the database" in each]


def texts(**pairs: str) -> str:
    """Labels or annotations, as they stand in a flip."""
    return json.dumps(pairs)
