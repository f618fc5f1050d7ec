"""Every flip reaches the topic of alerts, at least once, in order, as the schema says."""

import asyncio
import json
import signal
from collections import defaultdict

import pytest
from aiokafka.errors import KafkaConnectionError, MessageSizeTooLargeError
from alerted import Written, alerted, texts
from jsonschema import Draft202012Validator
from kafka import KafkaConsumer, TopicPartition

from pipeline import kafka
from pipeline.alerting.delivery.flip_sender import FlipSender
from schemas import registry, schema
from tests.command import ended, until
from tests.stream import Stream

ALERT = Draft202012Validator(schema("alert.v1"), registry=registry())


@pytest.fixture
def stream(broker, topic, tmp_path) -> Stream:
    return Stream(broker, topic("touchpoints"), tmp_path, tmp_path / "events.jsonl")


def records(bootstrap: str, topic: str) -> list:
    """All of a topic, each partition's in order."""
    ends = kafka.end_offsets(bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False)
    found = []
    try:
        partitions = [TopicPartition(topic, number) for number in ends]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(at) < ends[at.partition] for at in partitions):
            found += [record for batch in consumer.poll(200).values() for record in batch]
    finally:
        consumer.close()
    return found


def some_flips(written: Written) -> list[str]:
    """Flips of all states, also those of which nobody is told; their ids by alert."""
    for n in range(5):
        alert = f"a{n}"
        blamed = '[{"dimension": "d", "member": "m", "share": 1}]'
        written.flip(alert, "pending", labels=texts(team="care"), contributors=blamed)
        written.flip(alert, "firing", inhibited_by="other", numerator=38.125, denominator=62, value=0.6149)
        written.flip(alert, "firing", flip=f"{alert}-again", revises=f"{alert}-firing", since=written.now)
        written.flip(alert, "resolved" if n % 2 else "retracted", metric=None)
    return [row for (row,) in written.rows("select flip from flips order by number")]


def there(stream: Stream, topic: str) -> int:
    return sum(kafka.end_offsets(stream.bootstrap, topic).values())


def test_a_worker_puts_every_flip_on_the_topic_once_and_none_again_after_a_restart(stream, topic):
    alerts = topic("alerts")
    with alerted(stream.place / stream.database) as written:
        flips = some_flips(written)
    env = stream.env | {"FIRSTHAND_ALERTS_TOPIC": alerts}
    with stream.worker(env=env) as process:
        until(lambda: stream.state().get("phase") == "running", "no worker runs")
        until(lambda: there(stream, alerts) >= len(flips), "not all flips came")
        assert ended(process, signal.SIGTERM).returncode == 0
    with alerted(stream.place / stream.database) as written:
        flips.append("late")
        written.flip("a1", "retracted", flip="late")
    with stream.worker(env=env) as process:
        until(lambda: there(stream, alerts) >= len(flips), "the last flip did not come")
        assert ended(process, signal.SIGTERM).returncode == 0
    found = records(stream.bootstrap, alerts)
    by_alert = defaultdict(list)
    for record in found:
        event = json.loads(record.value)
        ALERT.validate(event)
        assert dict(record.headers) == {"idempotency-key": event["id"].encode()}
        assert record.key.decode() == event["subject"] == event["data"]["alert"]
        by_alert[event["subject"]].append((event["data"]["number"], event["id"]))
    assert all(each == sorted(each) for each in by_alert.values()), "in order"
    assert sorted(flip for each in by_alert.values() for _, flip in each) == sorted(flips)


class Broker:
    """Stands in for what Kafka's own cannot be made to do when asked: it fails as it is told."""

    def __init__(self) -> None:
        self.fails: list[Exception | None] = []
        self.most_bytes = 10**9
        self.taken: dict[int, list[str]] = defaultdict(list)
        self.short: list[str] = []

    async def send_first(self, topic: str, number: int, records: list) -> int:
        assert topic == "alerts"
        if (error := self.fails.pop(0) if self.fails else None) is not None:
            raise error
        if any(len(value) > self.most_bytes for _, value, _ in records):
            raise MessageSizeTooLargeError
        self.taken[number] += [dict(headers)["idempotency-key"].decode() for _, _, headers in records]
        events = [json.loads(value) for _, value, _ in records]
        self.short += [event["id"] for event in events if event["data"]["query"] is None]
        return len(records)


def sender(written: Written, broker: Broker) -> FlipSender:
    async def unsent(limit: int) -> list:
        return written.store.unsent_flips("alerts", limit)

    async def mark_sent(number: int) -> None:
        written.store.mark_flips_sent("alerts", number)

    return FlipSender(lambda: broker, "alerts", unsent=unsent, mark_sent=mark_sent)


def test_what_is_not_acknowledged_is_sent_again_and_each_alert_stays_in_order(tmp_path):
    broker = Broker()
    with alerted(tmp_path / "w.duckdb") as written:
        flips = some_flips(written)
        sending = sender(written, broker)
        broker.fails = [None, KafkaConnectionError("gone"), None]
        assert not asyncio.run(sending.send_waiting())
        broker.fails = [KafkaConnectionError("gone")]
        assert not asyncio.run(sending.send_waiting())
        assert asyncio.run(sending.send_waiting())
        assert written.store.unsent_flips("alerts", 1) == []
    came = [flip for lane in broker.taken.values() for flip in dict.fromkeys(lane)]
    assert sorted(came) == sorted(flips)
    for alert in range(5):
        assert [each for each in came if each.startswith(f"a{alert}-")] == flips[4 * alert : 4 * alert + 4]


def test_a_flip_that_is_too_large_goes_without_what_makes_it_so_and_holds_up_nobody(tmp_path):
    broker = Broker()
    broker.most_bytes = 3_000
    with alerted(tmp_path / "w.duckdb") as written:
        for n in range(3):
            written.flip(f"a{n}", "firing", query="x" * (10_000 if n == 1 else 10))
        assert asyncio.run(sender(written, broker).send_waiting())
    assert sorted(flip for lane in broker.taken.values() for flip in lane) == [
        f"a{n}-firing" for n in range(3)
    ]
    assert broker.short == ["a1-firing"]
