import time

import pytest

from pipeline import kafka
from pipeline.errors import BrokerError

SILENT = "127.0.0.1:1"


def stored(broker: str, topic: str) -> list[tuple[int, int, bytes | None, bytes | None]]:
    return [
        (batch.partition, offset, key, value)
        for batch in kafka.read_batches(broker, topic)
        for offset, key, value in zip(batch.offsets, batch.keys, batch.values, strict=True)
    ]


def test_topics_are_created_once_and_then_left_as_they_are(broker, topic):
    first, second = topic(), topic()
    kafka.ensure_topics(broker, {first: 3})
    kafka.ensure_topics(broker, {first: 5, second: 1})
    assert kafka.end_offsets(broker, first) == {0: 0, 1: 0, 2: 0}
    assert kafka.end_offsets(broker, second) == {0: 0}


def test_what_is_produced_is_read_back_byte_for_byte_and_in_order_per_key(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 4})
    sent = [(b"c-%d" % (n % 7), b"\xff%d" % n) for n in range(3_000)]
    assert kafka.produce(broker, name, sent) == 3_000
    back = stored(broker, name)
    assert sorted((key, value) for _, _, key, value in back) == sorted(sent)
    for wanted in {key for key, _ in sent}:
        assert [v for _, _, key, v in back if key == wanted] == [v for key, v in sent if key == wanted]
        assert len({partition for partition, _, key, _ in back if key == wanted}) == 1


def test_records_without_a_key_and_tombstones_arrive(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})
    kafka.produce(broker, name, [(None, b"no key"), (b"c-1", None)])
    assert stored(broker, name) == [(0, 0, None, b"no key"), (0, 1, b"c-1", None)]


def test_the_end_of_a_topic_is_that_of_its_last_record_not_of_its_last_batch(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})
    kafka.produce(broker, name, [(b"k", b"x" * 100)] * 5_000)
    assert kafka.end_offsets(broker, name) == {0: 5_000}


def test_batches_are_bounded_and_follow_on_without_a_gap(broker, topic, monkeypatch):
    monkeypatch.setattr("pipeline.kafka.consumer.MAX_BATCH_RECORDS", 500)
    name = topic()
    kafka.ensure_topics(broker, {name: 2})
    kafka.produce(broker, name, ((b"%d" % n, b"v") for n in range(3_000)))
    reached = {0: 0, 1: 0}
    for batch in kafka.read_batches(broker, name):
        assert batch.start == reached[batch.partition]
        assert 0 < len(batch) <= 500
        assert len(batch.timestamps) == len(batch)
        reached[batch.partition] = batch.next
    assert reached == kafka.end_offsets(broker, name)
    assert sum(reached.values()) == 3_000


def test_reading_stops_at_the_end_as_it_was_at_the_start(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})
    kafka.produce(broker, name, [(b"k", b"before")] * 10)
    batches = kafka.read_batches(broker, name)
    first = next(batches)
    kafka.produce(broker, name, [(b"k", b"after")] * 10)
    assert len(first) + sum(map(len, batches)) == 10


def test_an_empty_topic_gives_no_batch(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 2})
    assert list(kafka.read_batches(broker, name)) == []


def test_the_rate_is_kept_with_the_clock_that_is_handed_in(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})
    now = [100.0]
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    kafka.produce(broker, name, [(b"k", b"v")] * 50, rate=10, sleep=sleep, monotonic=lambda: now[0])
    assert now[0] == pytest.approx(100 + 49 / 10)
    assert len(pauses) == 49


def test_progress_tells_what_is_acknowledged_and_ends_with_all_of_it(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})
    told = []
    kafka.produce(broker, name, [(b"k", b"v")] * 2_500, progress=told.append)
    assert told == [1_000, 2_000, 2_500]


def test_an_error_of_the_records_themselves_is_not_taken_for_the_broker_s(broker, topic):
    name = topic()
    kafka.ensure_topics(broker, {name: 1})

    def records():
        yield b"k", b"v"
        raise ValueError("line 2")

    with pytest.raises(ValueError, match="line 2"):
        kafka.produce(broker, name, records())


def test_an_unknown_topic_is_named(broker):
    with pytest.raises(BrokerError, match="no topic nowhere"):
        list(kafka.read_batches(broker, "nowhere"))


def test_a_silent_broker_is_named_in_one_line_within_the_time_allowed():
    began = time.monotonic()
    with pytest.raises(BrokerError, match=r"no broker answers at 127\.0\.0\.1:1: check") as caught:
        kafka.require_broker(SILENT, timeout_s=1)
    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 5


def test_an_address_without_a_port_number_is_refused_at_once():
    with pytest.raises(BrokerError, match="give HOST:PORT"):
        kafka.require_broker("127.0.0.1:kafka")
