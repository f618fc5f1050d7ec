"""PostgreSQL's side of the mirror: its tables, and the transactions that bring them on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
import pyarrow as pa
from psycopg import sql

from pipeline.errors import MirrorError
from pipeline.mirror.agenda import Recorded
from pipeline.mirror.source import FIGURES, KEY
from pipeline.mirror.target import Target, reason_of

VERSION = 1
ROWS_AT_ONCE = 1000
_COLUMNS = ", ".join((*KEY, *FIGURES))


class HeldElsewhereError(psycopg.OperationalError):
    """Another process writes to this mirror; it may end."""


class State(NamedTuple):
    """How far the mirror is: the refresh that was mirrored last, and the last transaction seen then."""

    as_of: datetime | None
    posted: int


class Tables:
    """An open mirror that is ours: held against other writers until it is closed.

    Every method is one transaction, and raises psycopg.Error where that fails.
    """

    def __init__(self, target: Target, schema: str, identity: str) -> None:
        """Open it; it is made where it is missing.

        Raises MirrorError where it is another database's or not to be made, psycopg.OperationalError where
        that may yet come.
        """
        self._con = target.connect()
        try:
            with _refused(target, schema):
                self._take(target, schema, identity)
        except BaseException:
            self._con.close()
            raise

    def close(self) -> None:
        """Let others write to it."""
        self._con.close()

    def state(self) -> State:
        """How far the mirror is."""
        return State(*self._one("select as_of, posted from mirror_state"))

    def moments(self) -> list[Recorded]:
        """The moments of the past that are recorded."""
        rows = self._con.execute("select span, as_of, doubtful from history_moments").fetchall()
        return [Recorded(*row) for row in rows]

    def tell(
        self, written: pa.Table, gone: pa.Table | None, state: State, at: datetime, doubt: datetime | None
    ) -> None:
        """Bring the current readings to another refresh; `gone` None: they are all that there are.

        Recorded moments not before `doubt` become doubtful.
        """
        with self._con.transaction():
            if gone is None:
                self._con.execute("delete from mirror_readings")
            else:
                for keys in (gone, written):
                    self._con.execute(_DELETE, [keys[name].to_pylist() for name in KEY])
            self._copy("mirror_readings", written)
            self._con.execute(
                "update mirror_state set as_of = %s, posted = %s, mirrored_at = %s", [*state, at]
            )
            if doubt is not None:
                self._con.execute(
                    "update history_moments set doubtful = true where as_of >= %s and not doubtful", [doubt]
                )

    def record(self, as_of: datetime, spans: Sequence[str], readings: pa.Table, at: datetime) -> None:
        """Add the readings of a moment of the past, where they are new or differ, to the history."""
        asked = {"as_of": as_of, "spans": spans, "recorded_at": at}
        with self._con.transaction():
            self._con.execute("truncate mirror_staged")
            self._copy("mirror_staged", readings)
            self._con.execute(_text("record"), asked)
            self._con.execute("truncate mirror_staged")
            self._con.execute(_MOMENT, asked)

    def forget(self, before: datetime) -> None:
        """Remove the history of moments before this one."""
        with self._con.transaction():
            for table in ("metrics_history", "history_moments"):
                self._con.execute(_sql("delete from {} where as_of < %s", table), [before])

    def _take(self, target: Target, schema: str, identity: str) -> None:
        """Make it ours, or refuse; whose it is can be told also while that one writes."""
        if self._one("show server_encoding") != ("UTF8",):
            raise MirrorError(f"{target.name} is not in UTF8: name a database that is")
        self._one("select set_config('search_path', quote_ident(%s), false)", schema)
        if self._is_made():
            self._require(target, schema, identity)
        (is_ours,) = self._one("select pg_try_advisory_lock(hashtextextended(%s, 0))", f"firsthand {schema}")
        if not is_ours:
            raise HeldElsewhereError(f"another worker writes to schema {schema}")
        with self._con.transaction():
            if not self._is_made():
                self._make(schema, identity)
            self._require(target, schema, identity)
            # it changes nothing, and shows whether it may
            self._con.execute("update mirror_state set version = version")

    def _is_made(self) -> bool:
        return self._one("select to_regclass('mirror_state')") != (None,)

    def _make(self, schema: str, identity: str) -> None:
        if self._one("select to_regnamespace(quote_ident(%s))", schema) == (None,):
            self._con.execute(_sql("create schema {}", schema))
        self._con.execute(_text("tables"))
        self._con.execute("insert into mirror_state values (%s, %s, null, 0, null)", [identity, VERSION])

    def _require(self, target: Target, schema: str, identity: str) -> None:
        whose, version = self._one("select identity, version from mirror_state")
        if whose != identity:
            raise MirrorError(
                f"schema {schema} of {target.name} mirrors another database: name another schema with "
                "FIRSTHAND_MIRROR_SCHEMA, or drop it if that database is no more"
            )
        if version != VERSION:
            raise MirrorError(
                f"schema {schema} of {target.name} was made by another version of firsthand: drop it, it "
                "will be made anew, or name another schema with FIRSTHAND_MIRROR_SCHEMA"
            )

    def _copy(self, table: str, readings: pa.Table) -> None:
        with self._con.cursor().copy(_sql(f"copy {{}} ({_COLUMNS}) from stdin", table)) as into:
            for row in _rows(readings):
                into.write_row(row)

    def _one(self, query: str, *values: object) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._con.execute(query, values).fetchone()
        if row is None:
            raise MirrorError("the mirror lacks its state: drop its schema, it will be made anew")
        return row


def _rows(readings: pa.Table) -> Iterator[tuple[Any, ...]]:
    """Row by row, and never all of them as Python's objects."""
    for batch in readings.select([*KEY, *FIGURES]).to_batches(ROWS_AT_ONCE):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@contextmanager
def _refused(target: Target, schema: str) -> Iterator[None]:
    """What PostgreSQL will not let us do here, now or later, as a MirrorError."""
    try:
        yield
    except psycopg.OperationalError:
        raise
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName) as error:
        raise MirrorError(
            f"{target.name}: {reason_of(error)}; let its user make schema {schema}, or make it "
            "the owner of that schema"
        ) from error
    except psycopg.Error as error:
        raise MirrorError(
            f"schema {schema} of {target.name} cannot be used ({reason_of(error)}); name another with "
            "FIRSTHAND_MIRROR_SCHEMA"
        ) from error


def _text(name: str) -> bytes:
    return files(__package__).joinpath(f"{name}.sql").read_bytes()


def _sql(template: str, name: str) -> sql.Composed:
    return sql.SQL(template).format(sql.Identifier(name))


_DELETE = (
    "delete from mirror_readings as reading using unnest(%s::text[], %s::text[], %s::text[], %s::text[]) "
    f"as key ({', '.join(KEY)}) where " + " and ".join(f"reading.{name} = key.{name}" for name in KEY)
)
_MOMENT = (
    "insert into history_moments select unnest(%(spans)s::text[]), %(as_of)s, %(recorded_at)s, false "
    "on conflict (span, as_of) do update set recorded_at = excluded.recorded_at, doubtful = false"
)
