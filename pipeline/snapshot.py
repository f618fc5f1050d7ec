"""A copy of a database at one moment, for whoever wants to read it in peace.

Copying a file that is being written gives a broken one, silently. A worker copies its own, between two
transactions (`Store.copy_to`); here a copy is looked over and takes the place of the last one in a single
step. Whoever has that one open keeps it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from duckdb import DuckDBPyConnection

from pipeline.audit import audit
from pipeline.database import absorb_log, forget_companions, open_reader
from pipeline.errors import DatabaseError, InputError
from pipeline.live_sql.guard import RELATIONS

FILE_ENDING = ".duckdb"
COPIED_AT_ONCE = 16 * 1024 * 1024


def age_s(to: Path, now: datetime) -> float | None:
    """How old the snapshot at `to` is; None where there is none."""
    return now.timestamp() - to.stat().st_mtime if to.exists() else None


def take(copy: Callable[[Path], None], to: Path, now: datetime, memory_limit: str) -> None:
    """Let `copy` write a database, and show it at `to`: a file that ends in .duckdb, or a folder of Parquet.

    Raises InputError where something else is at `to`, DatabaseError where the copy does not hold.
    """
    if not to.parent.is_dir():
        raise InputError(f"{to.parent} is no directory; make it first, or name another")
    if to.suffix == FILE_ENDING:
        _take_file(copy, to)
    else:
        _take_folder(copy, to, now, memory_limit)


def copied(database: Path, to: Path) -> None:
    """Copy a database that this process has open to read, and what waits in its log beside it."""
    log = database.with_name(database.name + ".wal")
    with database.open("rb") as file:  # closed, it lets go of the lock that keeps writers off
        _copy(file, to)
        if log.exists():
            with log.open("rb") as waiting:
                _copy(waiting, to.with_name(to.name + ".wal"))
    absorb_log(to)


def _take_file(copy: Callable[[Path], None], to: Path) -> None:
    if to.is_dir():
        raise InputError(f"{to} is a directory; name a file, or leave {FILE_ENDING} out for Parquet")
    if to.exists():
        with open_reader(to):  # refuses what a worker holds, and what is no database of firsthand's
            pass
    with _partial(to) as partial:
        copy(partial)
        _look_over(partial)
        forget_companions(to)  # of the file replaced
        partial.replace(to)


def _take_folder(copy: Callable[[Path], None], to: Path, now: datetime, memory_limit: str) -> None:
    """The folder is a link to one of this moment's: only so can a whole folder be replaced in one step."""
    if to.exists() and not to.is_symlink():
        raise InputError(f"{to} is there already, and no snapshot; remove it, or name another")
    made = to.with_name(f".{to.name}.{now:%Y%m%dT%H%M%S%f}")
    made.mkdir()
    try:
        with _partial(to) as partial:
            copy(partial)
            _look_over(partial)
            with open_reader(partial) as con:
                _write_parquet(con, made, memory_limit)
    except BaseException:
        shutil.rmtree(made)
        raise
    _show(made, to)


def _write_parquet(con: DuckDBPyConnection, folder: Path, memory_limit: str) -> None:
    con.execute(f"set memory_limit = '{memory_limit}'")
    con.execute("set preserve_insertion_order = false")
    for relation in RELATIONS:
        file = str(folder / f"{relation}.parquet").replace("'", "''")
        con.execute(f"copy (from {relation}) to '{file}' (format parquet, compression zstd)")


def _show(made: Path, to: Path) -> None:
    """Let `to` be `made`; what it was until now stays for those who read it, what it was before that goes."""
    before = to.readlink().name if to.is_symlink() else None
    link = to.with_name(f".{to.name}.link")
    link.unlink(missing_ok=True)
    link.symlink_to(made.name)
    link.replace(to)
    for old in to.parent.glob(f".{to.name}.2*"):
        if old.name not in (made.name, before):
            shutil.rmtree(old)


def _look_over(copy: Path) -> None:
    """A copy that does not count up is shown to nobody."""
    with open_reader(copy) as con:
        if faults := audit(con).faults:
            raise DatabaseError(f"the copy does not hold ({faults[0]}); try again")


@contextmanager
def _partial(to: Path) -> Iterator[Path]:
    """A file beside `to` to be filled; gone at the end unless it was moved."""
    partial = to.with_name(f".{to.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        forget_companions(partial)


def _copy(source: BinaryIO, to: Path) -> None:
    with to.open("wb") as file:
        shutil.copyfileobj(source, file, COPIED_AT_ONCE)
        file.flush()
        os.fsync(file.fileno())
