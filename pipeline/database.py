"""The one door to DuckDB: a database file is made, opened, or refused with a reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from pipeline.checkpoint import HEADERS_BYTES, beside, mend
from pipeline.connection import one
from pipeline.errors import DatabaseError, DatabaseHeldError, is_disk_full
from pipeline.settings import Definitions

SCHEMA_VERSION = 5
CATALOG = "firsthand"
"""The name under which the writer has its file attached."""

ROW_GROUP_ROWS = 24_576
"""Groups that a transaction fills go to the file at once, and not through the log first: storing 60,000
records at a time costs half of what it does with DuckDB's 122,880. A checkpoint rewrites neighbouring groups,
up to four at a time, where fewer can hold their rows: a transaction of two full groups and less than half of
one cost it five times as much. One that fills three, as 73,728 records do, leaves nothing to gain.
"""

_NEVER = "1000TB"
"""Of log before DuckDB makes a checkpoint by itself; the store makes them (checkpoint.py)."""

_BROKEN = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalException,
    duckdb.SerializationException,
    duckdb.TransactionException,
)
"""What DuckDB raises where the file, or the disk beneath it, fails it; all else is a fault of a statement."""

_LOCKED = "Could not set lock on file"
_ALWAYS = {
    "storage_compatibility_version": "latest",
    "python_enable_replacements": "false",  # a table is never a Python variable of the same name
    "allocator_background_threads": "true",  # or 120 MiB that were freed are kept for as long as one rests
}

_SECLUDED = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
}


def open_writer(
    path: Path,
    definitions: Definitions,
    create: Callable[[duckdb.DuckDBPyConnection, Definitions], None],
    memory_limit: str = "300MB",
    threads: int = 1,
) -> duckdb.DuckDBPyConnection:
    """Open `path` for writing; a file that is not there is made, and filled by `create`.

    Raises DatabaseError if another process holds it, if it is no database of firsthand's, or if it was
    made by a newer version or with other definitions: the file is left as it was.
    """
    if not path.exists():
        _make(path, definitions, create)
    mend(path)
    con = _attached(path, memory_limit=memory_limit, threads=str(threads), checkpoint_threshold=_NEVER)
    try:
        con.execute("pragma disable_checkpoint_on_shutdown")
        with failing_as(path):
            _check(con, path, definitions)
    except BaseException:
        con.close()
        raise
    return con


def _make(
    path: Path, definitions: Definitions, create: Callable[[duckdb.DuckDBPyConnection, Definitions], None]
) -> None:
    """A new file, whole or not at all: DuckDB cannot read a log in which a schema and its types are new."""
    try:
        with TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            unfinished = Path(folder, path.name)
            with _attached(unfinished) as con:
                create(con, definitions)
                con.execute("checkpoint")
            forget_companions(path)  # of a file that is gone
            path.hardlink_to(unfinished)
    except FileExistsError:
        pass  # another process was faster; whether it holds the file, opening it will tell
    except OSError as error:
        raise DatabaseError(_refusal(path, str(error))) from error


@contextmanager
def built_anew(
    path: Path,
    definitions: Definitions,
    create: Callable[[duckdb.DuckDBPyConnection, Definitions], None],
    *,
    overwrite: bool,
    memory_limit: str = "300MB",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Fill a new file; it takes the place of `path` only once the block has ended well.

    Raises DatabaseError where `path` is there and not to be overwritten, or is held by another process.
    """
    if path.exists():
        if not overwrite:
            raise DatabaseError(f"{path} is there already; name another file, or add --overwrite")
        with _connect(path) as con:  # refuses a file that is held, or that is no database
            _require_whole(con, path)
    if not path.parent.is_dir():
        raise DatabaseError(f"{path.parent} is no directory; make it first, or name another with --db")
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        con = open_writer(partial, definitions, create, memory_limit)
        try:
            with failing_as(path):
                yield con
        finally:
            con.close()
        absorb_log(partial)
        forget_companions(path)  # of the file replaced
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        forget_companions(partial)


def absorb_log(path: Path) -> None:
    """Bring what was left in the log of a database that nobody else has open into its file."""
    with _attached(path) as con:
        con.execute("checkpoint")


def forget_companions(path: Path) -> None:
    """Remove what DuckDB and `checkpoint` have left beside a file that is gone, or will be."""
    for companion in (path.with_name(path.name + ".wal"), beside(path)):
        companion.unlink(missing_ok=True)


@contextmanager
def open_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open `path` to read; DatabaseError as for `open_writer`, and where there is no such file."""
    if not path.exists():
        raise DatabaseError(f"{path}: no such database; `firsthand replay` or `firsthand worker` makes one")
    con = _connect(path, access_mode="READ_ONLY")
    try:
        with failing_as(path):
            _check(con, path, None)
            yield con
    finally:
        con.close()


@contextmanager
def failing_as(path: Path) -> Iterator[None]:
    """What breaks DuckDB in the block as a DatabaseError; a full disk is told of by the command line."""
    try:
        yield
    except _BROKEN as error:
        if is_disk_full(error):
            raise
        reason = " ".join(str(error).split())[:300]
        raise DatabaseError(
            f"{path}: DuckDB failed ({reason}); what was committed before stands. Check the disk and start "
            "again; where the file is damaged, restore a copy, or build another by `firsthand replay`"
        ) from error


def stored_definitions(con: duckdb.DuckDBPyConnection) -> Definitions:
    """What the numbers of this database were made with."""
    row = con.execute(
        "select follow_up_us, follow_up_key, service_level_ms from internal.definitions"
    ).fetchone()
    if row is None:
        raise DatabaseError("the database lacks its definitions; build it again with `firsthand replay`")
    return Definitions(row[0], tuple(row[1]), row[2])


def secluded(**config: str) -> duckdb.DuckDBPyConnection:
    """A database in memory that reaches no file, no network and no extension, for good."""
    con = duckdb.connect(":memory:", config={**_SECLUDED, **config})
    con.execute("set global TimeZone = 'UTC'")
    return con


def _connect(path: Path, **config: str) -> duckdb.DuckDBPyConnection:
    mend(path)
    with _refused(path):
        con = duckdb.connect(str(path), config={**_ALWAYS, **config})
    con.execute("set global TimeZone = 'UTC'")
    return con


def _attached(path: Path, **config: str) -> duckdb.DuckDBPyConnection:
    """A connection that has `path` attached to write: only so can the size of row groups be chosen."""
    con = duckdb.connect(":memory:", config={**_ALWAYS, **config, "temp_directory": f"{path}.tmp"})
    con.execute("set global TimeZone = 'UTC'")
    quoted = str(path).replace("'", "''")
    with _refused(path):
        con.execute(
            f"attach '{quoted}' as {CATALOG} (row_group_size {ROW_GROUP_ROWS}, storage_version 'latest')"
        )
    con.execute(f"use {CATALOG}")
    return con


@contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Why DuckDB will not open `path`, in a line of our own."""
    try:
        yield
    except duckdb.Error as error:
        kind = DatabaseHeldError if _LOCKED in str(error) else DatabaseError
        raise kind(_refusal(path, str(error))) from error


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
    if "attempted to read" in message and path.stat().st_size > HEADERS_BYTES:
        return f"{path} is cut short ({reason}); restore a copy, or build another by `firsthand replay`"
    return f"{path} cannot be opened ({reason}); name another file with --db, or look at its rights"


def _require_whole(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Refuse a file that lacks blocks: DuckDB sees that only where it reads them, and writes on meanwhile."""
    blocks = one(
        con,
        "select block_size * used_blocks from pragma_database_size() "
        "where database_name = current_database()",
    )
    if (size := path.stat().st_size) < HEADERS_BYTES + blocks:
        raise DatabaseError(
            f"{path} is cut short: it has {size} bytes, and at least {HEADERS_BYTES + blocks} belong to it; "
            "restore a copy, or build another by `firsthand replay`"
        )


def _check(con: duckdb.DuckDBPyConnection, path: Path, definitions: Definitions | None) -> None:
    _require_whole(con, path)
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
