"""While the dead-letter topic cannot be written, rejections are kept; later they arrive, all and in order."""

import signal
from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from pipeline import kafka
from pipeline.database import open_reader
from tests.administrator import administrator, delete_topic
from tests.command import ended, until
from tests.simulated import RECORDS
from tests.stream import Stream

BAD = 1000
SIMULATED_BAD = 6
"""Of the simulated records, so many are rejected, too."""


def dlq(stream: Stream) -> str:
    return stream.env["FIRSTHAND_DLQ_TOPIC"]


def send_bad(stream: Stream, count: int) -> None:
    """Records that are no text, with keys that spread them over the partitions."""
    bad = ((b"k%d\xfe" % (n % 50), b"%d" % n + b"\xff\x00" * 150) for n in range(count))
    kafka.produce(stream.bootstrap, stream.topic, bad)


Letter = tuple[bytes | None, bytes]


def letters(stream: Stream) -> dict[int, list[tuple[int, Letter]]]:
    """By source partition: the source's offset, the key and the bytes, in the order they stand there."""
    found = defaultdict(list)
    topic = dlq(stream)
    ends = kafka.end_offsets(stream.bootstrap, topic)
    consumer = KafkaConsumer(bootstrap_servers=stream.bootstrap, group_id=None, enable_auto_commit=False)
    try:
        partitions = [TopicPartition(topic, number) for number in ends]
        consumer.assign(partitions)
        consumer.seek_to_beginning(*partitions)
        while any(consumer.position(at) < ends[at.partition] for at in partitions):
            for records in consumer.poll(200).values():
                for record in records:
                    headers = dict(record.headers)
                    where = [int(headers[f"__connect.errors.{name}"]) for name in ("partition", "offset")]
                    found[where[0]].append((where[1], (record.key, record.value)))
    finally:
        consumer.close()
    return found


def rejected(stream: Stream, start: dict[int, int]) -> dict[int, list[tuple[int, Letter]]]:
    """What must stand there: the rejected records as the source topic has them, from `start` on."""
    with open_reader(stream.place / stream.database) as con:
        known = set(con.execute('select partition, "offset" from rejections').fetchall())
    found = defaultdict(list)
    for batch in kafka.read_batches(stream.bootstrap, stream.topic, reached=start):
        for offset, *letter in zip(batch.offsets, batch.keys, batch.values, strict=True):
            if (batch.partition, offset) in known:
                found[batch.partition].append((offset, tuple(letter)))
    return found


def assert_all_came_in_order(stream: Stream, start: Mapping[int, int] = MappingProxyType({})) -> None:
    """Byte for byte; each counts where it came first, for dead letters may come twice."""
    came = {partition: list(dict(found).items()) for partition, found in letters(stream).items()}
    assert came == rejected(stream, start)


def there(stream: Stream) -> int:
    return sum(kafka.end_offsets(stream.bootstrap, dlq(stream)).values())


def test_rejections_wait_while_the_topic_is_gone_and_events_do_not(stream):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    with stream.worker() as process, administrator(stream.bootstrap) as admin:
        until(lambda: stream.state().get("phase") == "running")
        send_bad(stream, 20)
        until(lambda: there(stream) == 20)
        start = kafka.end_offsets(stream.bootstrap, stream.topic)
        delete_topic(stream.bootstrap, dlq(stream))
        send_bad(stream, BAD)
        stream.send()
        stream.until_caught_up()
        assert dlq(stream) not in admin.list_topics()
        kafka.ensure_topics(stream.bootstrap, {dlq(stream): 2})  # half as many partitions as it had
        until(lambda: there(stream) >= BAD + SIMULATED_BAD)
        assert ended(process, signal.SIGTERM).returncode == 0
    assert_all_came_in_order(stream, start)
    stream.assert_whole(consumed=RECORDS + BAD + 20)


def test_where_the_topic_will_not_take_a_letter_goes_a_notice_and_nothing_overtakes_it(stream):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 2, dlq(stream): 2})
    limit(stream.bootstrap, dlq(stream), 20_000)
    send_bad(stream, 100)
    kafka.produce(stream.bootstrap, stream.topic, [(b"k1\xfe", b"\xff" * 30_000)])
    send_bad(stream, 100)
    with stream.worker() as process:
        until(lambda: there(stream) == 201)
        assert ended(process, signal.SIGTERM).returncode == 0
    came, sent = letters(stream), rejected(stream, {})
    for partition, kept in sent.items():
        small = [
            (offset, (None, b"") if len(value) > 20_000 else (key, value)) for offset, (key, value) in kept
        ]
        assert came[partition] == small


def limit(bootstrap: str, topic: str, size: int) -> None:
    """The largest batch that the broker takes for the topic."""
    settings = {"max.message.bytes": str(size)}
    with administrator(bootstrap) as admin:
        admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
