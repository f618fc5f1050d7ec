"""Checkpoints that a crash cannot tear.

DuckDB 1.5 puts new metadata into the free parts of metadata blocks that the last checkpoint still needs, and
writes such a block whole, in its place. A process killed in the middle of that write leaves a block with a
wrong checksum, and a file that nobody can open. So these blocks are kept beside the file before a checkpoint,
as InnoDB does with its double-write buffer, and put back at the next opening if it did not come to its end.

    x.duckdb.checkpoint    the size of a block, the file's headers, its metadata blocks each after its place

A checkpoint has come to its end when a header says so: where all are as they were kept, it has not.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import duckdb

HEADERS_BYTES = 3 * 4096
"""What stands in a file of DuckDB's before its first block."""
NUMBER_BYTES = 8
COPIED_AT_ONCE = 16 * 1024 * 1024


def beside(database: Path) -> Path:
    """Where the blocks of a database are kept while it is checkpointed."""
    return database.with_name(database.name + ".checkpoint")


class Checkpoints:
    """Makes the checkpoints of one open database; nothing else makes any.

    The file is held open as long as this is: to close it would let go of DuckDB's lock on it, since the
    system takes all locks of a process on a file away with the first descriptor of it that is closed.
    """

    def __init__(self, con: duckdb.DuckDBPyConnection, database: Path, every_bytes: int) -> None:
        self._con = con
        self._log = database.with_name(database.name + ".wal")
        self._kept = beside(database)
        self._every_bytes = every_bytes
        self._file = database.open("rb", buffering=0)

    def make_when_due(self) -> None:
        """Checkpoint once the log has grown long; where others write just now, the next time."""
        if self._log.exists() and self._log.stat().st_size >= self._every_bytes:
            with suppress(duckdb.TransactionException):
                self.make()

    def make(self) -> None:
        """Checkpoint. Raises TransactionException, with nothing done, where others write just now."""
        self._keep()
        try:
            self._con.execute("checkpoint")
        except duckdb.TransactionException:
            self._kept.unlink()
            raise
        self._kept.unlink()

    def copy_to(self, to: BinaryIO) -> None:
        """Copy the file as it is; whoever asks sees to it that nobody writes meanwhile."""
        at = 0
        while some := os.pread(self._file.fileno(), COPIED_AT_ONCE, at):
            at += to.write(some)

    def close(self) -> None:
        """Let go of the file, once DuckDB has."""
        self._file.close()

    def _keep(self) -> None:
        sizes = "select block_size, total_blocks from pragma_database_size() where database_name = $1"
        name = self._con.execute("select current_database()").fetchall()[0]
        [(block_bytes, count)] = self._con.execute(sizes, name).fetchall()
        numbers = self._con.execute("select block_id from pragma_metadata_info()").fetchall()
        new = self._kept.with_name(self._kept.name + ".new")
        with new.open("wb") as kept:
            kept.write(block_bytes.to_bytes(NUMBER_BYTES, "big"))
            kept.write(os.pread(self._file.fileno(), HEADERS_BYTES, 0))
            for (number,) in numbers:
                if number < count:  # others are new, and nowhere in the file yet
                    at = HEADERS_BYTES + number * block_bytes
                    kept.write(at.to_bytes(NUMBER_BYTES, "big"))
                    kept.write(os.pread(self._file.fileno(), block_bytes, at))
            kept.flush()
            os.fsync(kept.fileno())
        new.replace(self._kept)


def mend(database: Path) -> None:
    """Undo what a crash broke off, before the file is opened; one that a process holds is left alone.

    Who may not write it may open it all the same: a crash seldom tears a block, and DuckDB tells if so.
    """
    cannot = suppress(FileNotFoundError, PermissionError)
    with cannot, beside(database).open("rb") as kept, database.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # it is being checkpointed
            return
        block_bytes = int.from_bytes(kept.read(NUMBER_BYTES), "big")
        if kept.read(HEADERS_BYTES) == file.read(HEADERS_BYTES):
            _put_back(kept, file, block_bytes)
        beside(database).unlink()


def _put_back(kept: BinaryIO, file: BinaryIO, block_bytes: int) -> None:
    while at := kept.read(NUMBER_BYTES):
        file.seek(int.from_bytes(at, "big"))
        file.write(kept.read(block_bytes))
    file.flush()
    os.fsync(file.fileno())
