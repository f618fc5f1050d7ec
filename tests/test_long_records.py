"""Records of megabytes, and floods of long ones: kept byte for byte, in little memory, passed on."""

import json
import random
import signal
from pathlib import Path

import duckdb
import pytest
from deliveries import NOW, TOPIC, batch
from kafka import KafkaProducer
from kafka.admin import NewTopic

from bench.hostile_records import event
from pipeline import kafka
from pipeline.database import open_writer
from pipeline.dead_letters import MAX_BYTES
from pipeline.reject import PIECE_BYTES
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store
from tests.administrator import administrator
from tests.command import done, ended, until
from tests.stream import Stream

MIB = 1024 * 1024
CHANCE = random.Random(8)  # noqa: S311 - seeded, to be the same every time


def opened(path: Path, memory: str = "300MB") -> Store:
    return Store(open_writer(path, Definitions(), create_schema, memory))


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES, 70_001])
def test_a_key_and_a_payload_of_any_length_are_kept_and_passed_on_byte_for_byte(tmp_path, size):
    key, payload = CHANCE.randbytes(size), b"{" + CHANCE.randbytes(size)
    with opened(tmp_path / "x.duckdb") as store:
        for offset, (its_key, its_payload) in enumerate([(key, b"{"), (None, payload), (key, payload)]):
            records = batch([its_payload], offset)
            records.keys = [its_key]
            store.ingest([records], NOW)
        letters = [(each.key, each.payload) for each in store.unsent_rejections(9)]
        with store.reading() as con:
            kept = con.execute('select key, payload from rejections order by "offset"').fetchall()
    assert kept == letters == [(key, b"{"), (None, payload), (key, payload)]


def test_a_flood_of_long_records_fits_into_a_third_of_its_size(tmp_path):
    """DuckDB would hold all of them in memory, and write all of them anew at each checkpoint."""
    flood = [CHANCE.randbytes(MIB) for _ in range(300)]
    with opened(tmp_path / "x.duckdb", "100MB") as store:
        for offset in range(0, len(flood), 10):
            store.ingest([batch(flood[offset : offset + 10], offset)], NOW)
        letters = []
        while found := store.unsent_rejections(500):
            assert sum(len(each.payload) for each in found) <= MAX_BYTES
            store.mark_sent(found)
            letters += found
    assert [each.payload for each in letters] == flood


def test_dead_letters_are_taken_in_the_order_of_partitions_and_offsets_however_many_at_a_time(tmp_path):
    flood = [b"{" + CHANCE.randbytes(CHANCE.choice((9, 9, 9, 5000, MIB))) for _ in range(120)]
    with opened(tmp_path / "x.duckdb") as store:
        store.ingest([batch(flood[0::2], 0, 0), batch(flood[1::2], 0, 1)], NOW)
        letters = []
        while found := store.unsent_rejections(7):
            assert len(found) <= 7
            store.mark_sent(found)
            letters += [(each.topic, each.partition, each.offset, each.payload) for each in found]
    expected = [(TOPIC, part, at, value) for part in (0, 1) for at, value in enumerate(flood[part::2])]
    assert letters == expected


def test_records_of_10_mb_are_kept_and_what_the_dead_letter_topic_refuses_is_told_there(
    apache_kafka, topic, tmp_path
):
    name, big = topic("long"), CHANCE.randbytes(10_000_000)
    with administrator(apache_kafka) as admin:
        admin.create_topics([NewTopic(name, 1, 1, topic_configs={"max.message.bytes": "20000000"})])
    values = [big, b"{"] * 20
    kafka.produce(apache_kafka, name, ((b"k", value) for value in values))
    stream = Stream(apache_kafka, name, tmp_path, tmp_path / "none.jsonl")
    with stream.worker() as process:
        until(lambda: process.poll() is not None or stream.consumed() == len(values))
        until(lambda: sum(kafka.end_offsets(apache_kafka, f"{name}-dlq").values()) == len(values))
        stopped = ended(process, signal.SIGTERM)
    assert stopped.returncode == 0
    assert stopped.stderr.count("too large for this topic") == 1
    assert stream.audited("--kafka", apache_kafka)["remaining"] == 0
    with duckdb.connect(str(tmp_path / stream.database), read_only=True) as con:
        kept = con.execute("select payload, count(*) from rejections group by all").fetchall()
    assert dict(kept) == {b"{": 20, big: 20}
    letters = [value for each in kafka.read_batches(apache_kafka, f"{name}-dlq") for value in each.values]
    assert sorted(letters) == [b""] * 20 + [b"{"] * 20


class Odd(str):
    """Text that is no UTF-8 on the wire."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return b"\xff\xfe"


def test_a_record_whose_header_has_a_name_that_is_no_utf8_is_read_like_any_other(broker, topic, tmp_path):
    name = topic("headers")
    kafka.ensure_topics(broker, {name: 1})
    values = [json.dumps(event(CHANCE, number)).encode() for number in range(5)]
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=50)
    for number, value in enumerate(values):
        producer.send(name, value, b"k", headers=[(Odd("x"), b"1"), ("y", b"")] if number % 2 else [])
    producer.close()
    stream = Stream(broker, name, tmp_path, tmp_path / "none.jsonl")
    with stream.worker() as process:
        until(lambda: process.poll() is not None or stream.consumed() == len(values))
        assert ended(process, signal.SIGTERM).returncode == 0
    assert stream.audited()["accepted"] == len(values)
    done("replay", f"kafka://{broker}/{name}", "--db", "again.duckdb", cwd=tmp_path)
