"""A process killed in the middle of a checkpoint of DuckDB's leaves a database that has everything."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from deliveries import NOW, batch, new_store

from pipeline.audit import audit
from pipeline.database import open_reader
from pipeline.fingerprint import fingerprint
from tests.simulated import RECORDS, Simulated

KILLS = 8
"""Inside a checkpoint; those that came too late do not count."""
MOST_ATTEMPTS = 60
PROGRAM = """
import os, random, shutil, signal, sys, time
from pathlib import Path
from pipeline.database import open_writer
from pipeline.schema import create_schema
from pipeline.settings import Definitions

def attempt(folder, wait):
    '''Was a process killed inside its checkpoint, `wait` seconds into it? None: how long does it take?'''
    ours, theirs = os.pipe()
    process = os.fork()
    if not process:
        con = open_writer(folder / "x.duckdb", Definitions(), create_schema)
        os.write(theirs, b"begins")
        con.execute("checkpoint")
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


@pytest.fixture
def left(simulated: Simulated, tmp_path: Path) -> Path:
    """What a writer that was killed has left: half of its events in the file, the others in the log."""
    values = simulated.file.read_bytes().splitlines()
    half = len(values) // 2
    folder = tmp_path / "left"
    folder.mkdir()
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(values[:half])], NOW)
        store._con.execute("checkpoint")
        for first in range(half, len(values), 500):
            store.ingest([batch(values[first : first + 500], first)], NOW)
        for name in ("x.duckdb", "x.duckdb.wal"):
            shutil.copy(tmp_path / name, folder / name)
    return folder


@pytest.mark.slow  # one of some ten runs fails: DuckDB rewrites blocks in place (README, "Not guaranteed")
def test_killed_at_random_moments_of_a_checkpoint(simulated, left):
    place = left.parent
    process = subprocess.run(
        [sys.executable, "-c", PROGRAM, place, str(KILLS), str(MOST_ATTEMPTS)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert process.returncode == 0, process.stderr
    killed = process.stdout.split()
    assert len(killed) == KILLS
    for folder in killed:
        path = place / folder / "x.duckdb"
        assert_whole(path, simulated)
        with new_store(path):
            pass  # it can be written again
        assert_whole(path, simulated)


def assert_whole(path: Path, simulated: Simulated) -> None:
    with open_reader(path) as con:
        found = audit(con)
        assert (found.faults, found.total.consumed) == ((), RECORDS)
        assert fingerprint(con) == simulated.fingerprint
