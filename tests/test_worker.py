"""The genuine Faust worker against each broker, storing into a real DuckDB database."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from pipeline import kafka
from pipeline.batch import NO_TIMESTAMP
from pipeline.embedded_broker import EmbeddedBroker
from pipeline.errors import BrokerError, DatabaseError
from pipeline.worker import Worker, WorkerState, run_worker
from pipeline.worker_settings import WorkerSettings
from tests.administrator import group_offsets
from tests.recording_store import RecordingStore

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PATIENCE_S = 40


@dataclass
class Place:
    """A topic of its own with its dead-letter topic and its group."""

    bootstrap: str
    topic: str

    def settings(self, **changes) -> WorkerSettings:
        names = {"topic": self.topic, "dlq_topic": f"{self.topic}-dlq", "group": f"group-of-{self.topic}"}
        session_s = 6.0 if os.environ.get("KAFKA_BOOTSTRAP") else 2.0  # Kafka itself allows no less than 6
        quick = {"commit_s": 0.2, "session_s": session_s, "heartbeat_s": 0.5, "rebalance_s": 1.0}
        return WorkerSettings(self.bootstrap, **(names | quick | changes))

    def send(self, first: int, stop: int) -> None:
        """Values name their number; the keys spread them over the partitions."""
        kafka.ensure_topics(self.bootstrap, {self.topic: 4})
        kafka.produce(
            self.bootstrap, self.topic, ((b"c-%d" % (n % 50), b"%d" % n) for n in range(first, stop))
        )

    def committed(self) -> dict[int, int]:
        return group_offsets(self.bootstrap, f"group-of-{self.topic}")


@pytest.fixture
def place(broker: str, topic: Callable[[str], str]) -> Place:
    return Place(broker, topic("touchpoints"))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


@contextmanager
def running(store: RecordingStore, settings: WorkerSettings, **options) -> Iterator[Worker]:
    """A worker in a thread of its own; stopped at the end, and what it raised is raised here."""
    worker = Worker(store, settings, lambda: NOON, **options)
    raised: list[BaseException] = []

    def run() -> None:
        try:
            worker.run()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stop()
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the worker did not stop"
    if raised:
        raise raised[0]


def everything_once(store: RecordingStore, place: Place) -> None:
    """Each record of the topic is stored exactly once, in the order of its partition."""
    ends = kafka.end_offsets(place.bootstrap, place.topic)
    assert store.offsets() == {partition: list(range(end)) for partition, end in ends.items() if end}


def test_every_record_arrives_once_and_in_order_over_a_clean_restart(place):
    store = RecordingStore()
    place.send(0, 20_000)
    with running(store, place.settings()):
        until(lambda: store.count() == 20_000)
    ends = kafka.end_offsets(place.bootstrap, place.topic)
    place.send(20_000, 30_000)
    store.first_start.clear()
    with running(store, place.settings()):
        until(lambda: store.count() >= 30_000)
    everything_once(store, place)
    assert store.first_start == ends, "what was stored is not fetched again"
    assert place.committed() == kafka.end_offsets(place.bootstrap, place.topic)


def test_keys_values_and_timestamps_are_those_that_were_sent(place):
    store = RecordingStore()
    place.send(0, 200)
    with running(store, place.settings()):
        until(lambda: store.count() == 200)
    sent = {
        (batch.partition, *record)
        for batch in kafka.read_batches(place.bootstrap, place.topic)
        for record in zip(batch.offsets, batch.keys, batch.values, batch.timestamps, strict=True)
    }
    assert set(store.rows("from records")) == sent


def test_a_record_without_a_timestamp_reaches_worker_and_replay_as_one_without(place):
    store = RecordingStore()
    kafka.ensure_topics(place.bootstrap, {place.topic: 1})
    producer = KafkaProducer(bootstrap_servers=place.bootstrap)
    producer.send(place.topic, b"v", timestamp_ms=NO_TIMESTAMP)
    producer.close()
    with running(store, place.settings()):
        until(lambda: store.count() == 1)
    [batch] = kafka.read_batches(place.bootstrap, place.topic)
    assert store.rows("select stamp from records") == [(NO_TIMESTAMP,)] == [tuple(batch.timestamps)]


def test_records_compressed_in_every_way_that_kafka_knows_are_read_by_worker_and_replay(place):
    store = RecordingStore()
    kafka.ensure_topics(place.bootstrap, {place.topic: 1})
    sent = []
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        producer = KafkaProducer(bootstrap_servers=place.bootstrap, compression_type=codec, linger_ms=50)
        values = [f"{codec} {n} {'x' * 200}".encode() for n in range(200)]
        for value in values:
            producer.send(place.topic, value)
        producer.close()
        sent += values
    with running(store, place.settings()):
        until(lambda: store.count() >= len(sent))
    assert [value for (value,) in store.rows("select value from records order by pos")] == sent
    again = [value for batch in kafka.read_batches(place.bootstrap, place.topic) for value in batch.values]
    assert again == sent


def test_a_fresh_database_starts_from_the_beginning_whatever_the_group_committed(place):
    place.send(0, 1_000)
    first, second = RecordingStore(), RecordingStore()
    for store in (first, second):
        with running(store, place.settings()):
            until(lambda store=store: store.count() == 1_000)
    assert second.offsets() == first.offsets()


def test_what_is_waiting_is_stored_in_few_transactions(place):
    store = RecordingStore()
    place.send(0, 20_000)
    with running(store, place.settings()):
        until(lambda: store.count() == 20_000)
    assert store.transactions <= 10


def test_a_failed_write_stops_the_worker_and_nothing_is_committed_past_it(place):
    store = RecordingStore()
    kafka.ensure_topics(place.bootstrap, {place.topic: 1})
    kafka.produce(place.bootstrap, place.topic, [(b"k", b"good")] * 100)
    with (  # noqa: PT012 - the error comes out at the end of the worker's life
        pytest.raises(DatabaseError, match="the disk is full"),
        running(store, place.settings(linger_s=0)),
    ):
        until(lambda: store.count() == 100)
        kafka.produce(place.bootstrap, place.topic, [(b"k", b"disk full")])
        kafka.produce(place.bootstrap, place.topic, [(b"k", b"good")] * 1_000)
        until(lambda: store.failed)
    assert store.count() == 100
    assert place.committed() in ({0: 100}, {})


def test_rejected_records_reach_the_dead_letter_topic_byte_for_byte_with_their_coordinates(place):
    store = RecordingStore()
    kafka.ensure_topics(place.bootstrap, {place.topic: 1})
    kafka.produce(
        place.bootstrap, place.topic, [(b"k", b"good"), (None, b"bad \xff\x00"), (b"k\xfe", b"bad 2")]
    )
    with running(store, place.settings()):
        until(lambda: not store.unsent_rejections(1) and store.count() == 3)
    letters = dead_letters(place)
    assert [(letter.key, letter.value) for letter in letters] == [
        (None, b"bad \xff\x00"),
        (b"k\xfe", b"bad 2"),
    ]
    assert dict(letters[0].headers) == {
        "__connect.errors.topic": place.topic.encode(),
        "__connect.errors.partition": b"0",
        "__connect.errors.offset": b"1",
        "__connect.errors.exception.class.name": b"not_json",
        "__connect.errors.exception.message": b"it begins with bad",
    }


def test_what_an_earlier_run_could_not_send_is_sent_at_the_start(place):
    store = RecordingStore()
    store.rows(
        f"insert into letters values ('{place.topic}', 0, 7, 'k', 'bad of yesterday', false) returning pos"
    )
    with running(store, place.settings()):
        until(lambda: not store.unsent_rejections(1))
    assert [letter.value for letter in dead_letters(place)] == [b"bad of yesterday"]


def test_the_dead_letters_of_one_partition_keep_their_order(place):
    store = RecordingStore()
    kafka.ensure_topics(place.bootstrap, {place.topic: 1})
    kafka.produce(place.bootstrap, place.topic, [(b"%d" % n, b"bad %d" % n) for n in range(1_200)])
    with running(store, place.settings()):
        until(lambda: store.count() == 1_200 and not store.unsent_rejections(1))
    assert [letter.value for letter in dead_letters(place)] == [b"bad %d" % n for n in range(1_200)]


def dead_letters(place: Place) -> list:
    """The records of the dead-letter topic, with their headers."""
    topic = f"{place.topic}-dlq"
    ends = kafka.end_offsets(place.bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=place.bootstrap, group_id=None, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in ends]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        letters = []
        deadline = time.monotonic() + PATIENCE_S
        while len(letters) < sum(ends.values()) and time.monotonic() < deadline:
            letters += [record for records in consumer.poll(200).values() for record in records]
    finally:
        consumer.close()
    return sorted(letters, key=lambda record: (record.partition, record.offset))


def test_the_readings_are_refreshed_with_the_clock_that_was_handed_in_and_once_more_at_the_end(place):
    store = RecordingStore()
    place.send(0, 100)
    with running(store, place.settings(refresh_s=0.05, idle_refresh_s=0.05)):
        until(lambda: store.count() == 100)
        before = len(store.refreshed_at)
        until(lambda: len(store.refreshed_at) > before)
        during = len(store.refreshed_at)
    assert len(store.refreshed_at) > during
    assert set(store.refreshed_at) == {NOON}


def test_the_state_tells_phases_counts_and_lag(place):
    states: list[WorkerState] = []
    place.send(0, 500)
    store = RecordingStore()
    with running(store, place.settings(tick_s=0.02), on_tick=states.append):
        until(lambda: bool(states) and states[-1].tally.consumed == 500)
        until(lambda: sum(states[-1].lag.values()) == 0 and states[-1].phase == "running")
    assert states[0].phase == "starting"
    assert set(states[-1].lag) == {0, 1, 2, 3}


def test_a_service_runs_beside_the_worker_and_ends_after_its_last_refresh(place):
    events = []
    store = RecordingStore()

    @asynccontextmanager
    async def service(worker: Worker):
        events.append(worker.state.phase)
        yield
        events.append(len(store.refreshed_at))

    with running(store, place.settings(), services=[service]) as worker:
        until(lambda: worker.state.phase == "running")
        during = len(store.refreshed_at)
    assert events == ["starting", len(store.refreshed_at)]
    assert events[1] > during


def test_a_service_that_cannot_start_stops_the_worker_with_its_own_error(place):
    @asynccontextmanager
    async def service(_worker: Worker):
        raise OSError("port 8080 is taken")
        yield

    with pytest.raises(OSError, match="port 8080 is taken"):
        run_worker(RecordingStore(), place.settings(), lambda: NOON, services=[service])


def test_a_stop_asked_for_before_the_start_is_honoured(place):
    worker = Worker(RecordingStore(), place.settings(), lambda: NOON)
    worker.stop()
    worker.run()
    assert worker.state.tally.consumed == 0


def test_a_database_that_is_ahead_of_the_topic_belongs_to_another_and_is_refused(place):
    store = RecordingStore()
    place.send(0, 10)
    store.rows(f"insert into watermarks values ('{place.topic}', 0, 1000) returning next")
    with pytest.raises(BrokerError, match="consumed up to 1000: that was another topic"):
        run_worker(store, place.settings(), lambda: NOON)


def test_a_silent_broker_is_an_error_of_one_line_not_a_wait_for_ever():
    began = time.monotonic()
    with pytest.raises(BrokerError, match="no broker answers at"):
        run_worker(RecordingStore(), WorkerSettings("127.0.0.1:1"), lambda: NOON)
    assert time.monotonic() - began < 15


PROGRAM = """
import sys
from datetime import UTC, datetime
from pipeline.worker import run_worker
from pipeline.worker_settings import WorkerSettings
from tests.recording_store import RecordingStore
bootstrap, topic, path = sys.argv[1:]
store = RecordingStore(path)
print("prints reach stdout", flush=True)
seen = set()
def tell(state):
    if state.tally.consumed and not seen:
        seen.add(1)
        print("consuming", flush=True)
run_worker(
    store,
    WorkerSettings(bootstrap, topic, topic + "-dlq", "group-of-" + topic, tick_s=0.01),
    lambda: datetime(2026, 11, 21, tzinfo=UTC), on_tick=tell,
)
store.close()
print("stopped", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_while_data_flows_loses_nothing_and_exits_with_0(place, tmp_path, number):
    database = tmp_path / "kept.duckdb"
    place.send(0, 1_000)
    arguments = [place.bootstrap, place.topic, str(database)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    sending = threading.Thread(target=place.send, args=(1_000, 20_000))
    try:
        assert process.stdout.readline() == "prints reach stdout\n"
        assert process.stdout.readline() == "consuming\n"
        sending.start()
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
        sending.join()
    assert (process.returncode, out) == (0, "stopped\n"), err
    assert [path.name for path in tmp_path.iterdir()] == [database.name], "it leaves nothing else behind"
    store = RecordingStore(str(database))
    assert place.committed() == {partition: at[-1] + 1 for partition, at in store.offsets().items()}
    with running(store, place.settings()):
        until(lambda: store.count() >= 20_000)
    everything_once(store, place)


def test_faust_opens_no_port_of_its_own(place):
    store = RecordingStore()
    with running(store, place.settings()) as worker:
        until(lambda: worker.state.phase == "running")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 6066))  # Faust's default


def test_a_broker_that_goes_away_for_good_ends_the_worker_with_one_line():
    """The Kafka client alone would try again for ever, and say nothing."""
    store, failures = RecordingStore(), []
    with EmbeddedBroker() as own:
        here = Place(own.bootstrap, "touchpoints")
        here.send(0, 10)
        worker = Worker(store, here.settings(look_s=0.2, patience_s=1.0), lambda: NOON)

        def run() -> None:
            try:
                worker.run()
            except BrokerError as error:
                failures.append(str(error))

        running_thread = threading.Thread(target=run)
        running_thread.start()
        until(lambda: len(store.rows("select 1 from records")) == 10)
        own.stop()
        running_thread.join(PATIENCE_S)
    assert not running_thread.is_alive()
    assert len(failures) == 1
    assert "has not answered" in failures[0]
    assert "\n" not in failures[0]
