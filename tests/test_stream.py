"""The measure of the fault tests sees what it is there to see."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.command import done, ended
from tests.stream import Stream


@pytest.fixture
def stream(broker: str, topic: Callable[[str], str], tmp_path: Path) -> Stream:
    done("simulate", "--events", 3000, "--seed", 5, "--to", "events.jsonl", cwd=tmp_path)
    return Stream(broker, topic("touchpoints"), tmp_path, tmp_path / "events.jsonl")


@pytest.mark.any_broker
def test_an_undisturbed_worker_is_whole_and_a_lost_or_changed_event_is_seen(stream):
    stream.send()
    with stream.worker() as process:
        stream.until_caught_up()
        assert ended(process, signal.SIGTERM).returncode == 0
    stream.assert_whole(consumed=len(stream.events.read_bytes().splitlines()))
    shutil.copy(stream.place / stream.database, stream.place / "other.duckdb")
    stream.database = "other.duckdb"
    with duckdb.connect(str(stream.place / "other.duckdb")) as con:
        con.execute("update internal.events set csat = 1 where csat = 5")
    with pytest.raises(AssertionError):
        stream.assert_whole()
