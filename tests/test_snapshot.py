"""Snapshots of a database that is being written: one moment, whole, and in one step."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import snapshot
from pipeline.audit import audit
from pipeline.batch import RecordBatch
from pipeline.database import open_reader, open_writer
from pipeline.errors import DatabaseError, InputError
from pipeline.fingerprint import fingerprint
from pipeline.live_sql.guard import RELATIONS
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.simulate import simulate
from pipeline.snapshot import copied, take
from pipeline.store import Store
from tests.command import done, until

NOW = datetime(2026, 2, 2, tzinfo=UTC)
EVENTS = 3_000
SIZE = 500
VALUES = [each.value for each in simulate(EVENTS, 7)]


def batch(at: int, size: int = SIZE) -> RecordBatch:
    part = VALUES[at : at + size]
    return RecordBatch("e.jsonl", 0, at, at + size, range(at, at + size), [None] * size, part)


def opened(path: Path) -> Store:
    return Store(open_writer(path, Definitions(), create_schema))


def fingerprint_of(path: Path) -> str:
    with open_reader(path) as con:
        return fingerprint(con)


def rebuilt(path: Path, events: int) -> str:
    """The fingerprint of the first so many events."""
    with opened(path) as store:
        store.ingest([batch(0, events)], NOW)
    return fingerprint_of(path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = opened(tmp_path / "x.duckdb")
    store.ingest([batch(0)], NOW)
    store.refresh(NOW)
    yield store
    store.close()


def test_snapshots_taken_while_it_is_written_are_whole_moments(store, tmp_path):
    """Ingest and refresh go on all the while, and the log is folded into the file in between."""
    done_writing = threading.Event()
    copies: list[Path] = []

    def copy() -> None:
        while not done_writing.is_set():
            to = tmp_path / f"copy-{len(copies)}.duckdb"
            take(store.copy_to, to, NOW, "300MB")
            copies.append(to)

    store._con.execute("set global checkpoint_threshold = '50KB'")  # the log is always long
    copying = threading.Thread(target=copy)
    copying.start()
    for at in range(SIZE, EVENTS, SIZE):
        store.ingest([batch(at)], NOW)
        store.refresh(NOW)
    until(lambda: copies)
    done_writing.set()
    copying.join()
    seen = set()
    for path in copies[:: max(1, len(copies) // 8)]:
        with open_reader(path) as con:
            found = audit(con)
            assert not found.faults
            assert found.as_dict()["consumed"] % SIZE == 0
            seen.add(found.as_dict()["consumed"])
    last = max(seen)
    with_last = next(path for path in reversed(copies) if last == consumed(path))
    assert fingerprint_of(with_last) == rebuilt(tmp_path / "again.duckdb", last)


def consumed(path: Path) -> int:
    with open_reader(path) as con:
        return int(audit(con).as_dict()["consumed"])


def test_plain_duckdb_opens_it_and_its_views_work(store, tmp_path):
    take(store.copy_to, tmp_path / "copy.duckdb", NOW, "300MB")
    plain = duckdb.connect(str(tmp_path / "copy.duckdb"), read_only=True)
    with store.reading() as live, plain as con:
        con.execute("set TimeZone = 'UTC'")
        for relation in ("touchpoints", "rejections", "contacts", "metrics"):
            query = f"select count(*), max(r::varchar) from {relation} as r"
            assert con.execute(query).fetchall() == live.execute(query).fetchall()
        at = "from metrics_at('2026-01-20T10:00:00Z', '7d', 'channel') order by all"
        assert con.execute(at).fetchall() == live.execute(at).fetchall()


def test_who_reads_the_last_one_keeps_it(store, tmp_path):
    to = tmp_path / "copy.duckdb"
    take(store.copy_to, to, NOW, "300MB")
    with open_reader(to) as reader:
        before = reader.execute("select count(*) from touchpoints").fetchall()
        store.ingest([batch(SIZE)], NOW)
        take(store.copy_to, to, NOW, "300MB")
        assert reader.execute("select count(*) from touchpoints").fetchall() == before
        assert reader.execute("select count(*) from contacts").fetchone()
    assert consumed(to) == 2 * SIZE


def second_writer(path: Path) -> str:
    """What another process is told that opens a database to write."""
    program = f"import duckdb; duckdb.connect({str(path)!r}).execute('create table mine (a int)')"
    words = [sys.executable, "-c", program]
    return subprocess.run(words, capture_output=True, text=True, check=False).stderr


def test_the_database_is_still_held_after_a_snapshot(store, tmp_path):
    """A process loses all its locks on a file with the first descriptor of it that it closes."""
    take(store.copy_to, tmp_path / "copy.duckdb", NOW, "300MB")
    assert "Could not set lock on file" in second_writer(tmp_path / "x.duckdb")


def test_a_folder_of_parquet_is_replaced_whole(store, tmp_path):
    to = tmp_path / "copies"
    take(store.copy_to, to, NOW, "300MB")
    first = to.resolve()
    store.ingest([batch(SIZE)], NOW)
    take(store.copy_to, to, NOW + timedelta(hours=1), "300MB")
    take(store.copy_to, to, NOW + timedelta(hours=2), "300MB")
    assert not first.exists()
    assert sorted(path.stem for path in to.iterdir()) == sorted(RELATIONS)
    with store.reading() as live:
        for path in to.iterdir():
            query = "select count(*), sum(hash(r)) from {} as r"
            assert (
                duckdb.sql(query.format(f"'{path}'")).fetchall()
                == live.execute(query.format(path.stem)).fetchall()
            )
    assert len([path for path in tmp_path.iterdir() if path.name.startswith(".copies.")]) == 2


def test_what_is_no_snapshot_is_not_overwritten(store, tmp_path):
    (tmp_path / "notes.duckdb").write_text("mine")
    (tmp_path / "folder").mkdir()
    with opened(tmp_path / "other.duckdb"):
        for name, failure in (
            ("notes.duckdb", DatabaseError),
            ("folder", InputError),
            ("no/such.duckdb", InputError),
        ):
            with pytest.raises(failure):
                take(store.copy_to, tmp_path / name, NOW, "300MB")
    assert (tmp_path / "notes.duckdb").read_text() == "mine"
    with pytest.raises(InputError, match="File exists"):
        store.copy_to(tmp_path / "notes.duckdb")


def test_a_copy_that_does_not_count_up_is_shown_to_nobody(store, tmp_path):
    def torn(path: Path) -> None:
        store.copy_to(path)
        with duckdb.connect(str(path)) as con:
            con.execute("update watermarks set accepted = accepted - 1")

    with pytest.raises(DatabaseError, match="does not hold"):
        take(torn, tmp_path / "copy.duckdb", NOW, "300MB")
    assert not (tmp_path / "copy.duckdb").exists()


def test_what_waits_in_the_log_of_a_killed_worker_is_in_the_copy(tmp_path, monkeypatch):
    path = tmp_path / "x.duckdb"
    with opened(path) as store:
        store.ingest([batch(0)], NOW)
        store.checkpoint()
        store.ingest([batch(SIZE)], NOW)
        killed = tmp_path / "killed.duckdb"
        for ending in ("", ".wal"):
            shutil.copyfile(f"{path}{ending}", f"{killed}{ending}")
    copy, told = snapshot._copy, []

    def disturbed(*words: Any) -> None:
        copy(*words)
        told.append(second_writer(killed))

    monkeypatch.setattr(snapshot, "_copy", disturbed)
    with open_reader(killed):
        take(lambda to: copied(killed, to), tmp_path / "copy.duckdb", NOW, "300MB")
    assert consumed(tmp_path / "copy.duckdb") == 2 * SIZE
    assert not (tmp_path / ".copy.duckdb.partial.wal").exists()
    assert ["Could not set lock on file" in each for each in told] == [True, True]


def test_the_command_takes_one_at_most_so_often(store, tmp_path, said, monkeypatch):
    store.close()
    words = ("snapshot", "copy.duckdb", "--db", "x.duckdb")
    assert done(*words, cwd=tmp_path) == "copy.duckdb: a snapshot of x.duckdb\n"
    made = (tmp_path / "copy.duckdb").stat().st_ino
    assert "FIRSTHAND_SNAPSHOT_SECONDS" in said(*words)[1]
    assert (tmp_path / "copy.duckdb").stat().st_ino == made
    monkeypatch.setenv("FIRSTHAND_SNAPSHOT_SECONDS", "0")
    assert said(*words)[0] == 0
    assert (tmp_path / "copy.duckdb").stat().st_ino != made
    assert "no such database" in said("snapshot", "y.duckdb", "--db", "no.duckdb")[2]
