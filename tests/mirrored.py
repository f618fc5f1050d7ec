"""A database and its mirror to be compared: what the one says, row for row, is what the other says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from duckdb import DuckDBPyConnection

from pipeline.batch import RecordBatch
from pipeline.database import open_writer
from pipeline.mirror.mirror import Mirror
from pipeline.mirror.target import Target
from pipeline.report import COLUMNS
from pipeline.schema import create_schema
from pipeline.settings import Definitions, Settings
from pipeline.store import Store
from pipeline.sums import DIMENSIONS

Row = tuple[Any, ...]
HISTORY = "24h=12h,7d=2d"
_databases = count(1)


@dataclass
class Mirrored:
    """A store that takes events as they come, and mirrors of it; `said` has what they said."""

    store: Store
    url: str
    said: list[str] = field(default_factory=list)
    now: datetime | None = None
    taken: int = 0

    def take(self, values: Sequence[bytes], at: datetime) -> None:
        """Events come in, and the readings are refreshed."""
        first, self.taken = self.taken, self.taken + len(values)
        numbers = range(first, self.taken)
        batch = RecordBatch("e", 0, first, self.taken, numbers, [None] * len(values), list(values))
        self.store.ingest([batch], at)
        self.refresh(at)

    def refresh(self, at: datetime) -> None:
        """The readings come to another moment."""
        self.now = at
        self.store.refresh(at)

    def mirror(
        self, history: str = HISTORY, keep: str = "90d", schema: str = "firsthand", **options: Any
    ) -> Mirror:
        """A mirror that is stepped by hand."""
        plan = Settings(mirror_history=history, mirror_keep=keep, mirror_schema=schema).mirrored
        clock: Callable[[], datetime] = lambda: self.now  # noqa: E731
        wanted = {
            "clock": clock,
            "new_identity": lambda: f"database {next(_databases)}",
            "say": self.said.append,
        }
        return Mirror(self.store, Target(self.url), plan, **(wanted | options))

    @contextmanager
    def kept(self, steps: int | None = None, **options: Any) -> Iterator[Mirror]:
        """A mirror that has told everything, or has made so many steps; it lets go at the end."""
        mirror = self.mirror(**options)
        try:
            step(mirror, steps)
            yield mirror
        finally:
            mirror._close()

    def bring_up_to_date(self, **options: Any) -> None:
        """A mirror tells everything and is gone."""
        with self.kept(**options):
            pass


def step(mirror: Mirror, steps: int | None = None) -> None:
    """So many steps, or until nothing waits any more."""
    made = 0
    while made != steps:
        mirror.step()
        made += 1
        if steps is None and mirror._agenda.next() is None:
            return


@contextmanager
def mirrored(folder: Path, url: str) -> Iterator[Mirrored]:
    """A new database, to be mirrored at `url`."""
    store = Store(open_writer(folder / "x.duckdb", Definitions(), create_schema))
    try:
        yield Mirrored(store, url)
    finally:
        store.close()


def readings(con: DuckDBPyConnection | psycopg.Connection[Any], source: str, *values: object) -> list[Row]:
    """All rows of a relation with the columns of `metrics`, in one order."""
    return sorted(con.execute(f"select {COLUMNS} from {source}", values).fetchall(), key=lambda row: row[:5])


def assert_equal_now(duck: DuckDBPyConnection, postgres: psycopg.Connection[Any]) -> None:
    """The current readings are the same, row for row."""
    own = readings(duck, "metrics")
    assert own, "there is nothing to compare"
    assert readings(postgres, "metrics") == own


def assert_history_is_what_is_known_now(
    duck: DuckDBPyConnection, postgres: psycopg.Connection[Any], moments: Sequence[tuple[str, datetime]]
) -> None:
    """The latest revisions are what the database says today of these moments of its past, row for row."""
    compared = 0
    for span, as_of in moments:
        own = [row for each in DIMENSIONS for row in readings(duck, "metrics_at(?, ?, ?)", as_of, span, each)]
        told = readings(postgres, "metrics_over_time where as_of = %s and span = %s", as_of, span)
        assert told == sorted(own, key=lambda row: row[:5]), (span, as_of)
        compared += len(told)
    assert compared, "there is nothing to compare"
