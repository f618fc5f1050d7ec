"""However a worker ends, the next one goes on where the database stands: nothing is lost, nothing doubled."""

import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec

from pipeline import kafka
from pipeline.audit import audit
from pipeline.batch import RecordBatch
from pipeline.commands.options import clock
from pipeline.database import open_reader
from tests.administrator import administrator, group_offsets
from tests.command import ended, until
from tests.faulty_worker import faulty
from tests.simulated import RECORDS, simulate
from tests.stream import Stream

GROUP_PATIENCE_S = 240
"""The embedded broker waits minutes for a member that died while it joined, and lets nobody else in."""


def killed(process: subprocess.Popen) -> None:
    assert process.poll() is None, process.stderr.read()
    assert ended(process, signal.SIGKILL).returncode == -signal.SIGKILL


def finish(stream: Stream) -> None:
    """A last worker that nothing happens to."""
    with stream.worker() as process:
        stream.until_caught_up()
        assert ended(process, signal.SIGTERM).returncode == 0


def reached(stream: Stream) -> dict[int, int]:
    """Where the database of a worker that has ended stands; the law holds there, too."""
    if not (stream.place / stream.database).exists():
        return {}
    with open_reader(stream.place / stream.database) as con:
        found = audit(con)
    assert found.faults == ()
    return {each.partition: each.next_offset for each in found.partitions}


@dataclass(frozen=True)
class Kill:
    """When it was, and where the database then stood."""

    at: datetime
    reached: Mapping[int, int]

    def left_waiting(self, batches: Iterable[RecordBatch]) -> int:
        """How many records the broker had that the database had not."""
        before = self.at.timestamp() * 1000
        return sum(
            stamp < before and offset >= self.reached.get(batch.partition, 0)
            for batch in batches
            for offset, stamp in zip(batch.offsets, batch.timestamps, strict=True)
        )


def kill(stream: Stream, process: subprocess.Popen) -> Kill:
    at = clock()
    killed(process)
    return Kill(at, reached(stream))


def under_load(stream: Stream, moment: float, **options: object) -> Kill:
    """Kill a worker `moment` seconds after it stored something."""
    with stream.worker(**options) as process:
        until(lambda: stream.consumed() > 0, patience_s=GROUP_PATIENCE_S)
        time.sleep(moment)
        return kill(stream, process)


def at_its_start(stream: Stream, moment: float, **options: object) -> Kill:
    """Kill a worker `moment` seconds after it was started."""
    with stream.worker(**options) as process:
        time.sleep(moment)
        return kill(stream, process)


def a_group_of_its_own(stream: Stream, number: int) -> dict[str, str]:
    """A group waits for its dead member, 3 seconds or 13, by broker; what is shown here needs no wait."""
    return stream.env | {"FIRSTHAND_GROUP": f"group-{number}-of-{stream.topic}"}


def assert_records_waited(stream: Stream, kills: Sequence[Kill]) -> None:
    batches = list(kafka.read_batches(stream.bootstrap, stream.topic))
    waited = [each.left_waiting(batches) for each in kills]
    assert sum(map(bool, waited)) > len(kills) / 2, waited


@contextmanager
def load(stream: Stream, rate: float) -> Iterator[None]:
    """Send so many events a second while the block runs, however slow the machine; then what is left."""
    over = threading.Event()

    lines = stream.events.read_bytes().splitlines()

    def paced() -> Iterator[tuple[None, bytes]]:
        for line in lines:
            over.wait(1 / rate)
            yield None, line

    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    with ThreadPoolExecutor(1) as beside:
        sending = beside.submit(kafka.produce, stream.bootstrap, stream.topic, paced())
        try:
            yield
        finally:
            over.set()
        assert sending.result() == len(lines)


def test_killed_at_random_moments_under_load_and_while_it_starts(stream):
    dice = random.Random(1)  # noqa: S311
    kills = []
    with load(stream, 250):
        for number, how in enumerate((under_load, at_its_start, under_load, at_its_start)):
            moment = dice.uniform(0, 0.6 if how is under_load else 2.0)
            kills.append(how(stream, moment, env=a_group_of_its_own(stream, number)))
    finish(stream)
    assert_records_waited(stream, kills)
    stream.assert_whole(consumed=RECORDS)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_killed_at_20_random_moments_in_one_group(broker, topic, tmp_path):
    stream = simulate(tmp_path, 120_000).onto(broker, topic("touchpoints"), tmp_path)
    dice = random.Random(2)  # noqa: S311
    kills = []
    with load(stream, 200):
        for number in range(20):
            if number % 4 == 3:
                kills.append(at_its_start(stream, dice.uniform(0, 4)))
            else:
                kills.append(under_load(stream, dice.uniform(0, 1)))
    finish(stream)
    assert_records_waited(stream, kills)
    stream.assert_whole(consumed=120_000)


def test_told_to_stop_under_load_it_ends_well_and_the_next_one_goes_on(stream):
    with stream.worker() as process:
        until((stream.place / f"{stream.database}.worker").exists)
        with stream.sending("--rate", 1000) as sender:
            until(lambda: stream.consumed() > 0)
            assert ended(process, signal.SIGTERM).returncode == 0
            assert 0 < sum(reached(stream).values()) < RECORDS
            assert ended(sender).returncode == 0
    finish(stream)
    stream.assert_whole(consumed=RECORDS)


def test_told_to_stop_while_it_starts_it_ends_well(stream):
    dice = random.Random(3)  # noqa: S311
    for _ in range(2):
        with stream.worker() as process:
            until(lambda: hears(process.pid, signal.SIGTERM))
            time.sleep(dice.uniform(0, 1.5))
            stopped = ended(process, signal.SIGTERM)
            assert (stopped.returncode, "interrupted" in stopped.stderr) == (0, False)


def hears(pid: int, number: int) -> bool:
    """Has the process asked to be told of the signal? Linux only."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line for line in lines if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


COMMITS = ("before DuckDB commits", "after DuckDB committed", "in a checkpoint", "before Kafka commits")


def test_killed_before_and_after_each_of_the_two_commits(stream):
    """The database's commit, then Kafka's: what lies between the two is neither lost nor consumed again."""
    before = 0
    with stream.sending("--rate", 600) as sender:
        for number, fault in enumerate(COMMITS):
            own = a_group_of_its_own(stream, number)
            with stream.worker(program=faulty(fault, 1 if number else 2), env=own) as process:
                assert ended(process).returncode == -signal.SIGKILL
            now = sum(reached(stream).values())
            assert now > before
            if number:  # the first one has told Kafka of its first transaction, if there was time
                assert committed(stream, own["FIRSTHAND_GROUP"]) <= before
            before = now
        assert ended(sender).returncode == 0
    finish(stream)
    stream.assert_whole(consumed=RECORDS)


def committed(stream: Stream, group: str) -> int:
    """How far Kafka believes the group to be, all partitions together."""
    return sum(group_offsets(stream.bootstrap, group).values())


def test_group_offsets_that_an_operator_resets_or_deletes_mean_nothing(stream):
    lines = stream.events.read_bytes().splitlines(keepends=True)
    halves = [lines[: RECORDS // 2], lines[RECORDS // 2 :]]
    group = stream.env["FIRSTHAND_GROUP"]
    for number, half in enumerate(halves):
        send_lines(stream, half)
        with stream.worker() as process:
            stream.until_caught_up()
            assert stream.consumed() == len(half)
            assert ended(process, signal.SIGTERM).returncode == 0
        with administrator(stream.bootstrap) as admin:
            partitions = [TopicPartition(stream.topic, each) for each in reached(stream)]
            if number == 0:
                admin.reset_group_offsets(group, dict.fromkeys(partitions, OffsetSpec.EARLIEST))
            else:
                admin.delete_groups([group])
        assert committed(stream, group) == 0
    finish(stream)
    stream.assert_whole(consumed=RECORDS)


def send_lines(stream: Stream, lines: Sequence[bytes]) -> None:
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    kafka.produce(stream.bootstrap, stream.topic, ((None, line.rstrip(b"\n")) for line in lines))
