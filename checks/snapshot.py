"""One moment of a database, shaped as the DBAPI connection that Great Expectations asks for.

Why not duckdb_engine's own: Great Expectations closes a connection before it fetches from it, and in
DuckDB the rollback of that throws the rows away. Here nothing is rolled back until the run is over, so
that all expectations speak of one moment, even while another thread writes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from pipeline.connection import catalog_of, cursor
from pipeline.database import open_reader
from pipeline.errors import DatabaseError

Row = tuple[Any, ...]
Database = str | Path | DuckDBPyConnection

_UNFIT = (duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException)
"""A statement that DuckDB does not understand, such as SQLAlchemy's questions to PostgreSQL's catalogue.

It was never run: the transaction goes on.
"""


class Snapshot:
    """A read transaction; it ignores whoever wants to end it.

    `trouble` is the first error that ended the transaction; those after it only follow from it.
    """

    notices: tuple[str, ...] = ()

    def __init__(self, reader: DuckDBPyConnection) -> None:
        self._reader = reader
        self.trouble: duckdb.Error | None = None

    def cursor(self) -> "Statement":
        """A statement to execute: what DBAPI calls a cursor."""
        return Statement(self, self._reader)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """The rows of a query, by column name."""
        statement = self.cursor()
        statement.execute(sql)
        return [dict(zip(statement.columns, row, strict=True)) for row in statement.fetchall()]

    def begin(self) -> None:
        """Nothing: the transaction has begun."""

    commit = rollback = close = begin


class Statement:
    """One query and its rows, fetched at once: every query of a check returns few."""

    rowcount = -1
    description: Sequence[Sequence[Any]] = ()

    def __init__(self, connection: Snapshot, reader: DuckDBPyConnection) -> None:
        self.connection = connection
        self._reader = reader
        self._rows: Iterator[Row] = iter(())

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [str(column[0]) for column in self.description]

    def execute(self, sql: str, parameters: object = None, context: object = None) -> None:  # noqa: ARG002 -- DBAPI
        """Run a query; its rows are there when this returns."""
        try:
            self._reader.execute(sql, parameters or None)
            self.description = self._reader.description or ()
            self._rows = iter(self._reader.fetchall())
        except _UNFIT:
            raise
        except duckdb.Error as error:
            self.connection.trouble = self.connection.trouble or error
            raise

    def fetchone(self) -> Row | None:
        """The next row, or None."""
        return next(self._rows, None)

    def fetchmany(self, size: int = 1) -> list[Row]:
        """The next rows, at most `size`."""
        return list(islice(self._rows, size))

    def fetchall(self) -> list[Row]:
        """The rows that are left."""
        return list(self._rows)

    def close(self) -> None:
        """Nothing is held."""


@contextmanager
def snapshot(database: Database, tables: Sequence[str]) -> Iterator[Snapshot]:
    """One moment of `database`: a file that no other process holds, or a connection of this one.

    A connection may go on writing in another thread. Raises DatabaseError where the file cannot be
    opened, a table is missing, or a query fails (memory, disk, a damaged file).
    """
    if isinstance(database, DuckDBPyConnection):
        with _moment(database, tables) as seen:
            yield seen
    else:
        with open_reader(Path(str(database).removeprefix("duckdb:///"))) as con, _moment(con, tables) as seen:
            yield seen


@contextmanager
def _moment(con: DuckDBPyConnection, tables: Sequence[str]) -> Iterator[Snapshot]:
    reader = cursor(con, catalog_of(con))
    seen = Snapshot(reader)
    try:
        reader.execute("set timezone = 'UTC'")
        reader.begin()
        _ask_for(seen, tables)
        yield seen
    finally:
        # closing rolls back
        reader.close()
        if seen.trouble is not None:
            # Great Expectations reports it in its own words, or not at all
            message = " ".join(str(seen.trouble).split())[:300]
            raise DatabaseError(f"the database could not be checked: {message}") from seen.trouble


def _ask_for(seen: Snapshot, tables: Sequence[str]) -> None:
    known = {
        row["table_name"] for row in seen.rows("from information_schema.tables where table_schema = 'main'")
    }
    if missing := [table for table in tables if table not in known]:
        raise DatabaseError(
            f"the database has no {', '.join(missing)}: it is none of firsthand's, or damaged; "
            "build it again with `firsthand replay`"
        )
