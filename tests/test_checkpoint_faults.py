"""A process killed in the middle of a checkpoint of DuckDB's leaves a database that has everything.

A kill tears a block once in two hundred, so blocks are torn by hand too: `torn` is what such a kill leaves.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from deliveries import NOW, batch, new_store

from pipeline.audit import audit
from pipeline.checkpoint import HEADERS_BYTES, beside
from pipeline.database import open_reader, open_writer
from pipeline.errors import DatabaseError
from pipeline.fingerprint import fingerprint
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store
from tests.simulated import RECORDS, Simulated

BLOCK_BYTES = 262_144
OPEN = Path.open
PROGRAM = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from pipeline.database import open_writer
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store

def attempt(folder, wait):
    '''Was a process killed inside its checkpoint, `wait` seconds into it? None: how long does it take?'''
    ours, theirs = os.pipe()
    process = os.fork()
    if not process:
        store = Store(open_writer(folder / "x.duckdb", Definitions(), create_schema))
        os.write(theirs, b"begins")
        store.checkpoint()
        os.write(theirs, b"ends")
        os._exit(0)
    assert os.read(ours, 6) == b"begins"
    began = time.monotonic()
    if wait is None:
        assert os.read(ours, 4) == b"ends"
        os.waitpid(process, 0)
        return time.monotonic() - began
    time.sleep(wait)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    os.close(theirs)
    return not os.read(ours, 4)

place, kills, most = Path(sys.argv[1]), *map(int, sys.argv[2:])
copies = (Path(shutil.copytree(place / "left", place / f"{number}")) for number in range(most))
whole = min(attempt(next(copies), None) for _ in range(3))
dice = random.Random(6)
while kills:
    folder = next(copies)
    if attempt(folder, dice.uniform(0, whole)):
        print(folder.name, flush=True)
        kills -= 1
"""
HOLDING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def left(simulated: Simulated, tmp_path: Path) -> Path:
    """What a writer that was killed has left: half of its events in the file, the others in the log."""
    values = simulated.file.read_bytes().splitlines()
    half = len(values) // 2
    folder = tmp_path / "left"
    folder.mkdir()
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(values[:half])], NOW)
        store.checkpoint()
        for first in range(half, len(values), 500):
            store.ingest([batch(values[first : first + 500], first)], NOW)
        for name in ("x.duckdb", "x.duckdb.wal"):
            shutil.copy(tmp_path / name, folder / name)
    return folder


class KilledError(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def torn(left: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a kill in a checkpoint leaves at worst: every block that was written in its place is torn."""
    path = left / "x.duckdb"
    before, log = path.read_bytes(), path.with_name("x.duckdb.wal").read_bytes()
    monkeypatch.setattr(Path, "unlink", failing_for(beside(path)))
    with pytest.raises(KilledError), opened(path):
        pass  # closing it makes a checkpoint
    monkeypatch.undo()
    after = path.read_bytes()
    assert after[:HEADERS_BYTES] != before[:HEADERS_BYTES]
    path.write_bytes(before[:HEADERS_BYTES] + half_of_each_block(before, after))
    path.with_name("x.duckdb.wal").write_bytes(log)
    return path


def failing_for(spared: Path):
    unlink = Path.unlink

    def unless_spared(path: Path, **options: bool) -> None:
        if path == spared:
            raise KilledError
        unlink(path, **options)

    return unless_spared


def half_of_each_block(before: bytes, after: bytes) -> bytes:
    """Of each block the first half of what differs as it was to be, the rest as it stood."""
    return b"".join(
        _torn(before[at : at + BLOCK_BYTES], after[at : at + BLOCK_BYTES])
        for at in range(HEADERS_BYTES, len(after), BLOCK_BYTES)
    )


def _torn(before: bytes, after: bytes) -> bytes:
    if len(before) < len(after):
        return after
    (differs,) = np.nonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))
    cut = int(differs[len(differs) // 2]) if len(differs) else 0
    return after[:cut] + before[cut:]


def opened(path: Path) -> Store:
    return Store(open_writer(path, Definitions(), create_schema))


@pytest.mark.parametrize("first", ["a reader", "a writer"])
def test_torn_blocks_are_put_back_by_whoever_opens_the_file(torn, simulated, first):
    if first == "a writer":
        with opened(torn):
            pass
    assert_whole(torn, simulated)
    assert not beside(torn).exists()


def test_without_the_blocks_that_were_kept_a_torn_file_is_refused(torn):
    beside(torn).unlink()
    with pytest.raises(DatabaseError, match="Corrupt database file"), open_reader(torn):
        pass


def test_blocks_kept_for_a_checkpoint_that_came_to_its_end_are_not_put_back(left, simulated, monkeypatch):
    path = left / "x.duckdb"
    monkeypatch.setattr(Path, "unlink", failing_for(beside(path)))
    with pytest.raises(KilledError), opened(path):
        pass
    monkeypatch.undo()
    assert beside(path).exists()
    assert_whole(path, simulated)
    assert not beside(path).exists()


def test_blocks_of_a_file_that_another_process_holds_are_left_alone(torn):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, torn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout.readline() == b"held\n"
        before = torn.read_bytes()
        with pytest.raises(DatabaseError), open_reader(torn):
            pass
        assert torn.read_bytes() == before
        assert beside(torn).exists()
        holder.stdin.close()


def test_blocks_of_a_database_that_is_gone_are_not_put_into_a_new_one(torn):
    torn.unlink()
    with opened(torn) as store, store.reading() as con:
        assert not beside(torn).exists()
        assert audit(con).total.consumed == 0


def test_who_may_only_read_the_file_reads_it_as_it_is(left, simulated, monkeypatch):
    path = left / "x.duckdb"
    beside(path).write_bytes(b"")
    monkeypatch.setattr(Path, "open", refusing_to_write)
    assert_whole(path, simulated)
    assert beside(path).exists()


def refusing_to_write(path: Path, mode: str = "r", **options: int):
    if "+" in mode:
        raise PermissionError(path)
    return OPEN(path, mode, **options)


def test_a_checkpoint_leaves_the_lock_on_the_file_as_it_was(left):
    path = left / "x.duckdb"
    with opened(path) as store:
        store.checkpoint()
        second = subprocess.run(
            [sys.executable, "-c", f"import duckdb; duckdb.connect({str(path)!r})"],
            capture_output=True,
            text=True,
            check=False,
        )
    assert "Could not set lock on file" in second.stderr


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_moments_of_a_checkpoint(simulated, left, kills):
    place = left.parent
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, str(kills), str(10 * kills)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.returncode == 0, process.stderr
    killed = process.stdout.split()
    assert len(killed) == kills
    for folder in killed:
        path = place / folder / "x.duckdb"
        assert_whole(path, simulated)
        with opened(path):
            pass  # it can be written again
        assert_whole(path, simulated)


def assert_whole(path: Path, simulated: Simulated) -> None:
    with open_reader(path) as con:
        found = audit(con)
        assert (found.faults, found.total.consumed) == ((), RECORDS)
        assert fingerprint(con) == simulated.fingerprint
