"""Transactions on Apache Kafka: what was taken back is never counted, whichever way it is read."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest
from kafka import KafkaProducer

from pipeline import kafka
from pipeline.database import open_reader
from pipeline.fingerprint import fingerprint
from pipeline.simulate import simulate
from tests.administrator import administrator
from tests.command import done, started, until
from tests.recording_store import RecordingStore
from tests.test_worker import Place, running

MARK = 1
"""The offsets that the end of a transaction takes in a partition."""
_numbers = count(1)


@pytest.fixture
def place(apache_kafka: str, topic: Callable[[str], str]) -> Place:
    """A topic of one partition."""
    here = Place(apache_kafka, topic("touchpoints"))
    kafka.ensure_topics(here.bootstrap, {here.topic: 1})
    return here


class Transactional:
    """A producer whose records count once it says so."""

    def __init__(self, producer: KafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    def begin(self, *values: bytes) -> None:
        self._producer.begin_transaction()
        self.send(*values)

    def send(self, *values: bytes, keys: Sequence[bytes] = ()) -> None:
        for number, value in enumerate(values):
            self._producer.send(self._topic, value, keys[number] if keys else b"k")
        self._producer.flush()

    def commit(self, *values: bytes) -> None:
        self.send(*values)
        self._producer.commit_transaction()

    def abort(self, *values: bytes) -> None:
        self.send(*values)
        self._producer.abort_transaction()


@contextmanager
def transactional(place: Place) -> Iterator[Transactional]:
    producer = KafkaProducer(
        bootstrap_servers=place.bootstrap.split(","), transactional_id=f"{place.topic}-{next(_numbers)}"
    )
    try:
        producer.init_transactions()
        yield Transactional(producer, place.topic)
    finally:
        producer.close()


@contextmanager
def dying(place: Place) -> Iterator[Transactional]:
    """A producer that ends in the middle of what it does; its successor's start aborts that."""
    name = f"{place.topic}-dying"
    producers = [
        KafkaProducer(bootstrap_servers=place.bootstrap.split(","), transactional_id=name) for _ in range(2)
    ]
    try:
        producers[0].init_transactions()
        yield Transactional(producers[0], place.topic)
        producers[1].init_transactions()
    finally:
        for producer in producers:
            producer.close(timeout=0)


def values(store: RecordingStore) -> list[bytes]:
    return [value for (value,) in store.rows("select value from records order by pos")]


def read(place: Place) -> list[bytes | None]:
    return [value for batch in kafka.read_batches(place.bootstrap, place.topic) for value in batch.values]


def waiting(place: Place, store: RecordingStore) -> int:
    reached = {0: store.next_offset(place.topic, 0) or 0}
    return kafka.count_waiting(place.bootstrap, place.topic, reached)[0]


def test_aborted_records_among_committed_and_plain_ones_are_left_out(place):
    with transactional(place) as one, transactional(place) as other:
        one.begin(b"one 1")
        other.begin(b"other, aborted 1")
        kafka.produce(place.bootstrap, place.topic, [(b"k", b"plain 1")])
        one.commit(b"one 2")
        other.abort(b"other, aborted 2")
        other.begin(b"other 3")
        one.begin(b"one, aborted 3")
        one.abort()
        other.commit()
    kept = [b"one 1", b"plain 1", b"one 2", b"other 3"]
    assert read(place) == kept
    store = RecordingStore()
    with running(store, place.settings()) as worker:
        until(lambda: store.count() == len(kept))
        until(lambda: waiting(place, store) == 0)
        until(lambda: worker.state.lag == {0: 0})
    assert values(store) == kept


def test_marks_at_the_end_of_the_log_are_passed_so_that_nothing_is_left_to_be_consumed(place):
    store = RecordingStore()
    with transactional(place) as producer, running(store, place.settings()):
        producer.begin(b"kept")
        producer.commit()
        producer.begin(b"aborted")
        producer.abort()
        end = 1 + MARK + 1 + MARK
        until(lambda: store.next_offset(place.topic, 0) == end)
    assert kafka.end_offsets(place.bootstrap, place.topic) == {0: end}
    assert place.committed() == {0: end}
    assert values(store) == [b"kept"]


@pytest.mark.parametrize("ending", ["commit", "abort"])
def test_an_open_transaction_holds_back_what_follows_it_until_it_ends(place, ending):
    store = RecordingStore()
    with transactional(place) as producer, running(store, place.settings()) as worker:
        kafka.produce(place.bootstrap, place.topic, [(b"k", b"before")])
        producer.begin(b"in it")
        kafka.produce(place.bootstrap, place.topic, [(b"k", b"after")])
        until(lambda: store.count() == 1)
        assert kafka.end_offsets(place.bootstrap, place.topic) == {0: 1}
        assert read(place) == values(store) == [b"before"]
        assert waiting(place, store) == sum(worker.state.lag.values()) == 0
        getattr(producer, ending)()
        kept = [b"before", *([b"in it"] if ending == "commit" else []), b"after"]
        until(lambda: store.count() == len(kept))
    assert values(store) == read(place) == kept


def test_an_aborted_transaction_larger_than_a_fetch_is_left_out_to_its_end(place):
    large = [b"aborted %d " % n + b"x" * 100_000 for n in range(60)]  # 6 MB; a fetch takes 4 MiB
    with transactional(place) as producer:
        producer.begin(b"first")
        producer.commit()
        producer.begin(*large)
        producer.abort()
        producer.begin(b"last")
        producer.commit()
    assert read(place) == [b"first", b"last"]
    store = RecordingStore()
    with running(store, place.settings()):
        until(lambda: store.count() == 2)
    assert values(store) == [b"first", b"last"]


def test_a_restart_in_the_middle_of_an_aborted_transaction_counts_none_of_its_rest(place):
    with transactional(place) as producer:
        producer.begin(b"aborted 0", b"aborted 1", b"aborted 2")
        producer.abort()
        producer.begin(b"kept")
        producer.commit()
    store = RecordingStore()
    store.rows(f"insert into watermarks values ('{place.topic}', 0, 2) returning next")
    assert waiting(place, store) == 1
    with running(store, place.settings()):
        until(lambda: store.count() == 1)
    assert values(store) == [b"kept"]


@pytest.mark.skipif("KAFKA_BOOTSTRAP" in os.environ, reason="a cluster of yours compacts at its own pace")
def test_compaction_leaves_holes_and_emptied_marks_and_what_remains_is_counted_once(place):
    name = f"{place.topic}-compacted"
    here = Place(place.bootstrap, name)
    settings = {
        "cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0",
        "segment.ms": "100", "max.compaction.lag.ms": "100",
    }  # fmt: skip
    with administrator(place.bootstrap) as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": -1, "configs": settings}})
        admin.wait_for_topics([name])
    rounds = 0
    cleanings = {0}
    with dying(here) as producer:  # its mark bears a new epoch, and such marks are kept, emptied
        producer.begin(b"aborted")
    with transactional(here) as one, transactional(here) as other:

        def compacted() -> bool:
            """Write the same keys again until the log was cleaned three times: marks go at the second."""
            nonlocal rounds
            rounds += 1
            for key in (b"a", b"b"):
                one.begin()
                one.send(b"kept %d" % rounds, keys=[key])
                one.commit()
                other.begin()
                other.send(b"aborted %d" % rounds, keys=[key])
                other.abort()
            firsts = [batch.offsets[0] for batch in kafka.read_batches(here.bootstrap, name) if len(batch)]
            cleanings.add(firsts[0])
            return len(cleanings) > 4

        until(compacted, "the log was never compacted")
    left = read(here)
    assert left[-2:] == [b"kept %d" % rounds] * 2
    assert not any(value.startswith(b"aborted") for value in left)
    store = RecordingStore()
    with running(store, here.settings()):
        until(lambda: waiting(here, store) == 0)
    assert values(store)[-2:] == [b"kept %d" % rounds] * 2
    assert set(values(store)) <= set(left), "a later cleaning may have removed more"
    assert store.next_offset(name, 0) == kafka.end_offsets(here.bootstrap, name)[0]


def test_worker_replay_and_audit_agree_on_what_was_committed(place, tmp_path: Path):
    events = [each.value for each in simulate(1_200, seed=5)]
    env = os.environ | {
        "FIRSTHAND_TOPIC": place.topic,
        "FIRSTHAND_DLQ_TOPIC": f"{place.topic}-dlq",
        "FIRSTHAND_GROUP": f"group-of-{place.topic}",
    }
    with transactional(place) as producer:
        for number, start in enumerate(range(0, 1_200, 100)):
            producer.begin(*events[start : start + 100])
            (producer.abort if number % 3 == 1 else producer.commit)()
    kept = [event for n, event in enumerate(events) if (n // 100) % 3 != 1]
    (tmp_path / "kept.jsonl").write_bytes(b"".join(event + b"\n" for event in kept))
    done("replay", "kept.jsonl", "--db", "file.duckdb", cwd=tmp_path)
    done("replay", f"kafka://{place.bootstrap}/{place.topic}", "--db", "topic.duckdb", cwd=tmp_path, env=env)

    def audited() -> dict:
        asked = ("audit", "--db", "live.duckdb", "--kafka", place.bootstrap, "--json")
        return json.loads(done(*asked, cwd=tmp_path, env=env))

    words = ("worker", "--kafka", place.bootstrap, "--db", "live.duckdb")
    with started(*words, cwd=tmp_path, env=env) as process:
        until((tmp_path / "live.duckdb.worker").exists)
        until(lambda: audited()["remaining"] == 0)
        process.terminate()
        assert process.wait(30) == 0
    found = audited()
    assert (found["consumed"], found["remaining"], found["holds"]) == (len(kept), 0, True)
    assert len({printed(tmp_path / f"{name}.duckdb") for name in ("file", "topic", "live")}) == 1


def printed(database: Path) -> str:
    with open_reader(database) as con:
        return fingerprint(con)
