"""Hostile input through the real worker: it never dies, and every record is accounted for."""

import hashlib
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from oracle_verdicts import verdict

from bench.hostile_records import has_repeated_keys, records
from pipeline import kafka
from pipeline.fields import REASONS
from tests.command import done, ended, until
from tests.stream import Stream

MOST_KIB = 1_400 * 1024
"""Half as much again as a worker takes for a million clean events (README, Speed)."""
Place = tuple[int, int]


def stream_of(broker: str, topic: str, place: Path) -> Stream:
    return Stream(broker, topic, place, place / "none.jsonl")


def took(stream: Stream, expected: int, patience_s: float = 60) -> int:
    """Let a worker with no rejection limit take everything and pass it on; its peak memory in KiB."""
    env = stream.env | {"FIRSTHAND_REJECTION_LIMIT": "1", "FIRSTHAND_MAX_RECORDS": "90000"}
    with stream.worker(env=env) as process:

        def is_done() -> bool:
            assert process.poll() is None, process.communicate()
            told = stream.state()
            return told.get("consumed") == expected and letters_sent(stream) >= told["rejected"]

        until(is_done, patience_s=patience_s)
        peak = peak_kib(process)
        stopped = ended(process, signal.SIGTERM)
    assert stopped.returncode == 0
    assert all(" events/s, lag " in line for line in stopped.stderr.splitlines()[1:])
    return peak


def peak_kib(process: subprocess.Popen) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(found[1]) if found else 0


def letters_sent(stream: Stream) -> int:
    return sum(kafka.end_offsets(stream.bootstrap, f"{stream.topic}-dlq").values())


def consumed_records(bootstrap: str, topic: str) -> Iterator[tuple[Place, bytes | None, bytes | None, int]]:
    """Partition and offset, key, value and timestamp of each record of a topic."""
    for batch in kafka.read_batches(bootstrap, topic):
        for offset, *rest in zip(batch.offsets, batch.keys, batch.values, batch.timestamps, strict=True):
            yield (batch.partition, offset), *rest


def digest(key: bytes | None, value: bytes | None) -> bytes:
    return hashlib.sha256(repr(key).encode() + b"/" + (value or b"")).digest()


def assert_accounted(stream: Stream, judged_of: int = 1) -> None:
    """Every record stands where the independent judge, asked of one in so many, says that it belongs."""
    with duckdb.connect(str(stream.place / stream.database), read_only=True) as con:
        found = con.execute('select partition, "offset", reason, key, payload from rejections').fetchall()
        rejected = {(part, at): (reason, digest(key, value)) for part, at, reason, key, value in found}
        del found
        events = con.execute(
            'select partition, "offset", source, id, occurred_at from touchpoints'
        ).fetchall()
    accepted = {(part, at) for part, at, *_ in events}
    identities = {tuple(identity) for _, _, *identity in events}
    assert {reason for reason, _ in rejected.values()} <= set(REASONS)
    tombstones = 0
    for number, (place, key, value, stamp) in enumerate(consumed_records(stream.bootstrap, stream.topic)):
        if value is None:
            tombstones += 1
            assert place not in rejected
            assert place not in accepted
        elif place in rejected:
            assert rejected[place][1] == digest(key, value)
        if value is None or number % judged_of or has_repeated_keys(value):
            continue
        right = verdict(value, stamp)
        assert rejected.get(place, (None,))[0] == right.reason, (place, value)
        if right.event is not None and place not in accepted:
            assert (right.event.source, right.event.id, right.event.occurred_at) in identities
    letters = Counter(
        digest(key, value) for _, key, value, _ in consumed_records(stream.bootstrap, f"{stream.topic}-dlq")
    )
    assert letters == Counter(kept for _, kept in rejected.values())
    assert stream.audited()["tombstones"] == tombstones


def assert_a_replay_says_the_same(stream: Stream, patience_s: float = 60) -> None:
    patient = {"cwd": stream.place, "timeout": patience_s}
    source = f"kafka://{stream.bootstrap}/{stream.topic}"
    done("replay", source, "--db", "again.duckdb", env=stream.env, **patient)
    lines = {done("fingerprint", "--db", name, **patient) for name in ("again.duckdb", stream.database)}
    assert len(lines) == 1


@pytest.mark.any_broker
def test_hostile_records_are_all_accounted_for_as_the_independent_judge_says(broker, topic, tmp_path):
    stream = stream_of(broker, topic("hostile"), tmp_path)
    kafka.ensure_topics(broker, {stream.topic: 4})
    kafka.produce(broker, stream.topic, records(seed=11, count=20_000))
    assert took(stream, 20_000) < MOST_KIB
    assert_accounted(stream, judged_of=4)
    assert_a_replay_says_the_same(stream)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_a_million_hostile_records_too(broker, topic, tmp_path):
    stream = stream_of(broker, topic("hostile"), tmp_path)
    kafka.ensure_topics(broker, {stream.topic: 4})
    kafka.produce(broker, stream.topic, records(seed=12, count=1_000_000))
    assert took(stream, 1_000_000, patience_s=1500) < MOST_KIB
    assert_accounted(stream, judged_of=20)
    assert_a_replay_says_the_same(stream, patience_s=600)
