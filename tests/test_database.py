"""A database file is made whole, opened if it is one of ours, and else refused with what to do."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
from deliveries import NOW, batch, new_store, record

from pipeline.audit import audit
from pipeline.database import SCHEMA_VERSION, built_anew, open_reader, open_writer, stored_definitions
from pipeline.errors import DatabaseError, DatabaseHeldError
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with one event."""
    path = tmp_path_factory.mktemp("made") / "made.duckdb"
    with new_store(path) as store:
        store.ingest([batch([record("e1")])], NOW)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be spoilt."""
    return Path(shutil.copy(made, tmp_path / "x.duckdb"))


def open_again(path: Path) -> None:
    open_writer(path, Definitions(), create_schema).close()


def read(path: Path) -> None:
    with open_reader(path):
        pass


def refused(path: Path, opened: Callable[[Path], None] = open_again) -> str:
    """The sentence with which a file is refused: one line, naming it, and the file is left as it was."""
    before = path.read_bytes()
    with pytest.raises(DatabaseError) as caught:
        opened(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert path.read_bytes() == before
    assert not isinstance(caught.value, DatabaseHeldError), message
    return message


both = pytest.mark.parametrize("opened", [open_again, read])


@both
@pytest.mark.parametrize("name", ["x.duckdb", "clock.duckdb", "version-to-read.duckdb"])
def test_what_is_no_database_is_refused_whatever_its_name(tmp_path, opened, name):
    (tmp_path / name).write_text("not a database " * 1000)
    assert "cannot be opened" in refused(tmp_path / name, opened)


@both
def test_a_database_of_somebody_else_is_refused(tmp_path, opened):
    with duckdb.connect(str(tmp_path / "other.duckdb")) as con:
        con.execute("create table t as select 1 as a")
    assert "not one of firsthand's" in refused(tmp_path / "other.duckdb", opened)


@both
@pytest.mark.parametrize(
    ("version", "words"), [(SCHEMA_VERSION + 1, "a newer"), (SCHEMA_VERSION - 1, "an older")]
)
def test_another_version_is_refused_with_its_age(path, opened, version, words):
    with duckdb.connect(str(path)) as con:
        con.execute("update internal.definitions set schema_version = $1", [version])
    assert f"{words} version of firsthand" in refused(path, opened)


@pytest.mark.parametrize(
    "other",
    [
        Definitions(follow_up_us=1),
        Definitions(follow_up_key=("customer_id",)),
        Definitions(service_level_ms=1),
    ],
)
def test_other_definitions_are_refused_to_a_writer_and_a_reader_takes_those_there_are(path, other):
    assert "other definitions" in refused(path, lambda at: open_writer(at, other, create_schema).close())
    with open_reader(path) as con:
        assert stored_definitions(con) == Definitions()


def test_definitions_are_kept_as_they_were_given(tmp_path):
    given = Definitions(
        follow_up_us=60_000_000, follow_up_key=("customer_id", "channel"), service_level_ms=30_500
    )
    for _ in range(2):
        con = open_writer(tmp_path / "x.duckdb", given, create_schema)
        assert stored_definitions(con) == given
        con.close()


def test_a_damaged_block_is_a_damage_and_no_other_process(path):
    """DuckDB's own words for it hold the word "block"."""
    content = bytearray(path.read_bytes())
    for at in range(20_000, len(content), 4_096):
        content[at] ^= 0xFF
    path.write_bytes(content)

    def look(at: Path) -> None:
        try:
            with open_reader(at) as con:
                con.execute("select sha256(string_agg(e::varchar, '')) from internal.events as e").fetchall()
        except duckdb.Error as error:
            raise DatabaseError(f"{at}: found while reading") from error

    refused(path, look)


def test_a_reader_of_no_file_says_what_makes_one_and_makes_none(tmp_path):
    with pytest.raises(DatabaseError, match=r"no such database; `firsthand replay`"):
        read(tmp_path / "none.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_readers_may_share_a_file_and_write_nothing(path):
    with open_reader(path) as one, open_reader(path) as other:
        assert one.execute("from watermarks").fetchall() == other.execute("from watermarks").fetchall()
        with pytest.raises(duckdb.Error, match="read-only"):
            one.execute("delete from watermarks")


@contextmanager
def held(path: Path) -> Iterator[int]:
    """Another process holds the file to write, by its id."""
    program = "import duckdb, sys; con = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"\n"
        yield process.pid
        process.stdin.close()


def overwrite(path: Path) -> None:
    with built_anew(path, Definitions(), create_schema, overwrite=True):
        pytest.fail("the block must not begin")


@pytest.mark.parametrize("opened", [open_again, read, overwrite])
def test_a_file_that_another_process_holds_is_refused_as_held(path, opened):
    words = r"held by another process.*stop it, or name another"
    with held(path), pytest.raises(DatabaseHeldError, match=words):
        opened(path)
    opened = read if opened is overwrite else opened
    opened(path)


# --- made ---


def test_a_new_file_is_not_left_behind_half_made(tmp_path):
    def fail(con: duckdb.DuckDBPyConnection, definitions: Definitions) -> None:
        create_schema(con, definitions)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        open_writer(tmp_path / "x.duckdb", Definitions(), fail)
    assert list(tmp_path.iterdir()) == []


def build(path: Path, *values: bytes, overwrite: bool = False) -> None:
    with built_anew(path, Definitions(), create_schema, overwrite=overwrite) as con:
        Store(con).ingest([batch(values)], NOW)


def accepted(path: Path) -> int:
    with open_reader(path) as con:
        assert audit(con).faults == ()
        return audit(con).total.accepted


def test_a_file_that_is_there_is_replaced_only_when_told_and_only_by_a_whole_one(path):
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="--overwrite"):
        build(path, record("e1"), record("e2"))
    with pytest.raises(ZeroDivisionError), built_anew(path, Definitions(), create_schema, overwrite=True):
        raise ZeroDivisionError
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    build(path, record("e1"), record("e2"), overwrite=True)
    assert accepted(path) == 2
    assert list(path.parent.iterdir()) == [path]


def build_in_vain(path: Path) -> None:
    with built_anew(path, Definitions(), create_schema, overwrite=False) as con:
        Store(con).ingest([batch([record("e1")])], NOW)
        raise ZeroDivisionError


def test_nothing_is_left_of_a_new_file_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError):
        build_in_vain(tmp_path / "x.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DatabaseError, match=r"none is no directory"):
        build(tmp_path / "none" / "x.duckdb")


def test_what_is_no_database_is_not_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("precious")
    with pytest.raises(DatabaseError):
        build(tmp_path / "notes.txt", overwrite=True)
    assert (tmp_path / "notes.txt").read_text() == "precious"


@pytest.mark.parametrize("make", [build, open_again], ids=["built anew", "opened"])
def test_the_log_of_a_file_that_was_deleted_does_not_spoil_a_new_one(tmp_path, make):
    """A worker was killed, its database deleted by hand; beside it the write-ahead log stayed."""
    old = tmp_path / "old.duckdb"
    with new_store(old) as store:
        store.ingest([batch([record("e1"), record("e2")])], NOW)
        shutil.copy(f"{old}.wal", tmp_path / "x.duckdb.wal")
    make(tmp_path / "x.duckdb")
    assert accepted(tmp_path / "x.duckdb") == 0
    open_again(tmp_path / "x.duckdb")


def test_a_reader_sees_what_a_killed_writer_left_in_its_log(tmp_path):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([record("e1"), record("e2")])], NOW)
        for name in ("x.duckdb", "x.duckdb.wal"):
            shutil.copy(tmp_path / name, tmp_path / f"left-{name}")
    assert (tmp_path / "left-x.duckdb").stat().st_size < (tmp_path / "x.duckdb").stat().st_size
    assert accepted(tmp_path / "left-x.duckdb") == 2
    open_again(tmp_path / "left-x.duckdb")
    assert accepted(tmp_path / "left-x.duckdb") == 2
