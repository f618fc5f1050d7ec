"""What breaks beneath the worker's database: it ends with one line, and goes on where the database stands."""

import os
import random
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.checkpoint import HEADERS_BYTES
from tests.command import ended, until
from tests.faulty_worker import faulty
from tests.simulated import RECORDS
from tests.stream import Stream


def a_group_of_its_own(stream: Stream, number: int) -> dict[str, str]:
    return stream.env | {"FIRSTHAND_GROUP": f"group-{number}-of-{stream.topic}"}


def last_line(process: subprocess.Popen) -> str:
    """What a worker says that ends by itself: the line where it answers, its log, and then why it ended."""
    found = ended(process)
    assert found.returncode == 1, found.stderr
    assert found.stderr.count("firsthand: ") == 1, found.stderr
    assert "Traceback" not in found.stderr
    said = found.stderr.splitlines()[-1]
    assert said.startswith("firsthand: ")
    return said.removeprefix("firsthand: ")


# --- DuckDB raises ---


def test_a_failed_write_ends_the_worker_with_what_to_do_and_the_next_one_goes_on(stream):
    failures = (("a write fails", 1, "Input/output error"), ("a write is fatal", 0, "has been invalidated"))
    with stream.sending("--rate", 1000) as sender:
        for fault, transactions, words in failures:
            own = a_group_of_its_own(stream, transactions)
            with stream.worker(program=faulty(fault, transactions), env=own) as process:
                said = last_line(process)
            assert said.startswith("w.duckdb: DuckDB failed (")
            assert words in said
            assert "start again" in said
            assert stream.remaining() > 0
        assert ended(sender).returncode == 0
    with stream.worker() as process:
        stream.until_caught_up()
        assert ended(process, signal.SIGTERM).returncode == 0
    stream.assert_whole(consumed=RECORDS)


# --- the file system is full ---


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A file system of its own in memory; only root can mount one."""
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        reason = f"a small file system cannot be mounted here: {mounted.stderr.strip()}"
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(reason)
        pytest.skip(reason)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_ends_the_worker_and_when_there_is_room_it_goes_on(stream):
    stream.database = "disk/w.duckdb"
    with small_disk(stream.place / "disk", "8m") as disk:
        ballast = disk / "ballast"
        with stream.worker(env=a_group_of_its_own(stream, 1)) as process:
            until(lambda: stream.state().get("phase") == "running")
            with stream.sending("--rate", 1000) as sender:
                until(lambda: stream.consumed() > 0)
                with ballast.open("wb") as file:
                    fill(file)
                assert last_line(process).startswith("the disk is full: free some space")
                assert ended(sender).returncode == 0
        left = stream.remaining()
        assert 0 < left < RECORDS
        files = sorted(disk.iterdir())
        for number in (2, 3):  # still full
            with stream.worker(env=a_group_of_its_own(stream, number)) as process:
                assert last_line(process).startswith("the disk is full: free some space")
        assert stream.remaining() == left
        assert sorted(disk.iterdir()) == files
        ballast.unlink()
        with stream.worker() as process:
            stream.until_caught_up()
            assert ended(process, signal.SIGTERM).returncode == 0
        stream.assert_whole(consumed=RECORDS)


def fill(file) -> None:
    try:
        while True:
            os.write(file.fileno(), bytes(4096))
    except OSError:
        pass


# --- the file is damaged ---

BLOCK = 262_144
COMMANDS = (
    "report",
    "audit",
    "fingerprint",
    "check",
    "replay {events} --overwrite",
    "worker --kafka 127.0.0.1:1",
)


def cut(size: int) -> Callable[[bytes], bytes]:
    """Only its first bytes; a negative number: without its last ones."""
    return lambda content: content[:size]


def spoilt(start: int, new: bytes) -> Callable[[bytes], bytes]:
    return lambda content: content[:start] + new + content[start + len(new) :]


def of_another_version(content: bytes) -> bytes:
    """The first header with a storage version that does not exist yet, and DuckDB's checksum over it."""
    header = spoilt(12, (999).to_bytes(8, "little"))(content)[8:4096]
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", header):
        checksum ^= word * 0xBF58476D1CE4E5B9 % 2**64
    return checksum.to_bytes(8, "little") + header + content[4096:]


GARBAGE = random.Random(4).randbytes(4096)  # noqa: S311
DAMAGES = {
    "in the first header": (cut(100), "cannot be opened"),
    "between the headers": (cut(5000), "cannot be opened"),
    "before the first block": (cut(HEADERS_BYTES), "cannot be opened"),
    "in the middle": (cut(HEADERS_BYTES + BLOCK * 5 // 2), "cut short"),
    "near the end": (cut(-3 * BLOCK), "cut short"),
    "garbage for the first header": (spoilt(0, GARBAGE), "cannot be opened"),
    "garbage for the second header": (spoilt(4096, GARBAGE), "cannot be opened"),
    "another version of DuckDB's": (of_another_version, "another version of DuckDB"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_truncated_or_foreign_file_is_refused_by_every_command_and_left_alone(
    said, simulated, tmp_path, damage
):
    spoil, words = DAMAGES[damage]
    path = tmp_path / "x.duckdb"
    path.write_bytes(spoil(simulated.file.with_name("undisturbed.duckdb").read_bytes()))
    before = path.read_bytes()
    for command in COMMANDS:
        code, out, err = said(*command.format(events=simulated.file).split(), "--db", path)
        assert (code, out, err.count("\n")) == (1, "", 1), (command, err)
        assert str(path) in err
        assert words in err
        assert path.read_bytes() == before, command
        assert list(tmp_path.iterdir()) == [path], command


def test_a_damaged_block_is_told_of_by_whoever_reads_it(said, simulated, tmp_path):
    path = tmp_path / "x.duckdb"
    content = bytearray(simulated.file.with_name("undisturbed.duckdb").read_bytes())
    content[HEADERS_BYTES + 5 * BLOCK + 1000] ^= 0xFF
    path.write_bytes(content)
    code, out, err = said("fingerprint", "--db", path)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "Corrupt database file" in err
    assert "restore a copy, or build another" in err
    assert path.read_bytes() == content
