"""What is done with an open connection: transactions, relations for one use, single values."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Protocol

import duckdb
import pyarrow as pa

ROOM_TO_UNDO_BYTES = 256 * 1024 * 1024

# Where PyArrow's datasets can be had, DuckDB has them filter Arrow tables: copies, made in other threads,
# for 0.8 to 1.0 CPU-s/M. Nothing here needs them otherwise.
sys.modules["pyarrow.dataset"] = None  # type: ignore[assignment]


class _AsItIs:
    """An Arrow table that DuckDB reads column by column, and filters itself."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_schema__(self) -> object:
        return self._table.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block, or nothing of it."""
    con.begin()
    try:
        yield
    except BaseException as error:
        with suppress(duckdb.Error), _room_to_undo(con, error):  # what broke the block may have broken DuckDB
            con.rollback()
        raise
    con.commit()


def lacked_memory(error: duckdb.Error) -> bool:
    """Whether DuckDB had too little memory; where a commit lacked it, that is told in the message only."""
    return isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory" in str(error)


@contextmanager
def _room_to_undo(con: duckdb.DuckDBPyConnection, error: BaseException) -> Iterator[None]:
    """More memory for the block, where `error` says that it lacked: DuckDB ends where a rollback lacks it."""
    if not (isinstance(error, duckdb.Error) and lacked_memory(error)):
        yield
        return
    with con.cursor() as other:
        # The setting is told in tenths of a unit, rounded down, and so is what is read from it.
        limit = one(other, "select parse_formatted_bytes(current_setting('memory_limit')) + 1")
        other.execute(f"set global memory_limit = '{limit + ROOM_TO_UNDO_BYTES}B'")
        try:
            yield
        finally:
            with suppress(duckdb.OutOfMemoryException):  # it is still in use: the next one will try again
                other.execute(f"set global memory_limit = '{limit}B'")


@contextmanager
def registered(con: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table]) -> Iterator[None]:
    """Arrow tables as views of these names, for the block."""
    try:
        for name, table in tables.items():
            con.register(name, _AsItIs(table))
        yield
    finally:
        for name in tables:
            con.unregister(name)


@contextmanager
def relations(con: duckdb.DuckDBPyConnection) -> Iterator["Keep"]:
    """Keep the results of queries as relations for further queries, until the block ends.

    They are temporary tables: an Arrow table costs as much to make, and far more wherever it is filtered.
    Where the block fails, so does the caller's transaction, and they go with it.
    """
    names: list[str] = []

    def keep(name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        con.execute(f"create temp table {name} as {query}", parameters)
        names.append(name)

    yield keep
    for name in names:
        con.execute(f"drop table temp.{name}")


class Keep(Protocol):
    """Run a query, and let further queries read its result under a name."""

    def __call__(self, name: str, query: str, parameters: Mapping[str, object] | None = None) -> None:
        """The result of `query` is relation `name` from now on."""


def one(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object] | None = None) -> Any:
    """The single value of a query that returns one row and one column; None where there is no row."""
    row = con.execute(query, parameters).fetchone()
    return None if row is None else row[0]


def catalog_of(con: duckdb.DuckDBPyConnection) -> str:
    """The name of the database that `con` speaks of, for `cursor`."""
    name: str = one(con, "select current_database()")
    return name


def cursor(con: duckdb.DuckDBPyConnection, catalog: str) -> duckdb.DuckDBPyConnection:
    """A further connection to the same database; by itself it would begin in the catalog opened first."""
    another = con.cursor()
    another.execute(f'use "{catalog}"')
    return another
