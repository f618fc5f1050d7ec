"""The one door to DuckDB: a database file is made, opened, or refused with a reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from pipeline.errors import DatabaseError, DatabaseHeldError
from pipeline.settings import Definitions

SCHEMA_VERSION = 1
_LOCKED = "Could not set lock on file"
_ALWAYS = {
    "storage_compatibility_version": "latest",
    "python_enable_replacements": "false",  # a table is never a Python variable of the same name
}


def open_writer(
    path: Path,
    definitions: Definitions,
    create: Callable[[duckdb.DuckDBPyConnection, Definitions], None],
    memory_limit: str = "400MB",
    threads: int = 1,
) -> duckdb.DuckDBPyConnection:
    """Open `path` for writing; a file that is not there is made, and filled by `create`.

    Raises DatabaseError if another process holds it, if it is no database of firsthand's, or if it was
    made by a newer version or with other definitions: the file is left as it was.
    """
    is_new = not path.exists()
    con = _connect(path, memory_limit=memory_limit, threads=str(threads), checkpoint_threshold="256MB")
    try:
        if is_new:
            create(con, definitions)
        else:
            _check(con, path, definitions)
    except BaseException:
        con.close()
        if is_new:
            path.unlink(missing_ok=True)
        raise
    return con


@contextmanager
def built_anew(
    path: Path,
    definitions: Definitions,
    create: Callable[[duckdb.DuckDBPyConnection, Definitions], None],
    *,
    overwrite: bool,
    memory_limit: str = "400MB",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Fill a new file; it takes the place of `path` only once the block has ended well.

    Raises DatabaseError where `path` is there and not to be overwritten, or is held by another process.
    """
    if path.exists():
        if not overwrite:
            raise DatabaseError(f"{path} is there already; name another file, or add --overwrite")
        _connect(path).close()  # refuses a file that is held, or that is no database
    if not path.parent.is_dir():
        raise DatabaseError(f"{path.parent} is no directory; make it first, or name another with --db")
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        con = open_writer(partial, definitions, create, memory_limit)
        try:
            yield con
        finally:
            con.close()
        path.with_name(path.name + ".wal").unlink(missing_ok=True)  # of a file that is gone, or replaced
        partial.replace(path)
    finally:
        for left in (partial, partial.with_name(partial.name + ".wal")):
            left.unlink(missing_ok=True)


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open `path` to read; DatabaseError as for `open_writer`, and where there is no such file."""
    if not path.exists():
        raise DatabaseError(f"{path}: no such database; `firsthand replay` or `firsthand worker` makes one")
    con = _connect(path, access_mode="READ_ONLY")
    try:
        _check(con, path, None)
        yield con
    finally:
        con.close()


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block, or nothing of it."""
    con.begin()
    try:
        yield
    except BaseException:
        con.rollback()
        raise
    con.commit()


def one(con: duckdb.DuckDBPyConnection, query: str, parameters: dict[str, object] | None = None) -> Any:
    """The single value of a query that returns one row and one column; None where there is no row."""
    row = con.execute(query, parameters).fetchone()
    return None if row is None else row[0]


def stored_definitions(con: duckdb.DuckDBPyConnection) -> Definitions:
    """What the numbers of this database were made with."""
    row = con.execute(
        "select follow_up_us, follow_up_key, service_level_ms from internal.definitions"
    ).fetchone()
    if row is None:
        raise DatabaseError("the database lacks its definitions; build it again with `firsthand replay`")
    return Definitions(row[0], tuple(row[1]), row[2])


def _connect(path: Path, **config: str) -> duckdb.DuckDBPyConnection:
    try:
        con = duckdb.connect(str(path), config={**_ALWAYS, **config})
    except duckdb.Error as error:
        kind = DatabaseHeldError if _LOCKED in str(error) else DatabaseError
        raise kind(_refusal(path, str(error))) from error
    con.execute("set global TimeZone = 'UTC'")
    return con


def _refusal(path: Path, message: str) -> str:
    if _LOCKED in message:
        holder = message.partition("Conflicting lock is held in ")[2].partition(". See also")[0]
        by = f" ({holder})" if holder else ""
        return f"{path} is held by another process{by}; stop it, or name another file with --db"
    if "database file with version number" in message:
        return (
            f"{path} was made by another version of DuckDB than {duckdb.__version__}; "
            "use the firsthand that made it, or another file"
        )
    reason = " ".join(message.split())[:200]
    return f"{path} cannot be opened ({reason}); name another file with --db, or look at its rights"


def _check(con: duckdb.DuckDBPyConnection, path: Path, definitions: Definitions | None) -> None:
    try:
        version = con.execute("select schema_version from internal.definitions").fetchone()
    except duckdb.CatalogException:
        version = None
    if version is None:
        raise DatabaseError(f"{path} is a DuckDB file but not one of firsthand's; name another with --db")
    if version[0] != SCHEMA_VERSION:
        age = "a newer" if version[0] > SCHEMA_VERSION else "an older"
        raise DatabaseError(
            f"{path} was made by {age} version of firsthand (schema {version[0]}, this is {SCHEMA_VERSION}); "
            "use that version, or build it again with `firsthand replay`"
        )
    if definitions is not None and (stored := stored_definitions(con)) != definitions:
        raise DatabaseError(
            f"{path} was made with other definitions ({stored}, now {definitions}); "
            "set FIRSTHAND_FOLLOW_UP and its kin as they were, or build it again with `firsthand replay`"
        )
