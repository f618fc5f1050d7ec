"""What a producer does wrong is counted as what it is, and changes no number."""

import json
import random
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from deliveries import NOW, batch, new_store
from kafka import KafkaProducer
from oracle_verdicts import verdict

from pipeline import kafka
from pipeline.audit import audit
from pipeline.commands.options import clock
from pipeline.database import open_reader
from pipeline.fingerprint import fingerprint
from tests.command import done, ended
from tests.simulated import RECORDS
from tests.stream import Stream


def test_everything_sent_again_and_once_more_in_another_order_counts_once(stream, simulated):
    with open_reader(simulated.file.with_name("undisturbed.duckdb")) as con:
        once = audit(con).total
    again = simulated.file.read_bytes().splitlines(keepends=True)
    shuffled = random.Random(7).sample(again, len(again))  # noqa: S311 - seeded
    (stream.place / "again.jsonl").write_bytes(b"".join([*again, *shuffled]))
    with stream.worker() as process:
        stream.send()
        done("send", "again.jsonl", "--kafka", stream.bootstrap, cwd=stream.place, env=stream.env)
        stream.until_caught_up()
        assert ended(process, signal.SIGTERM).returncode == 0
    stream.assert_whole(
        consumed=3 * RECORDS,
        accepted=once.accepted,
        duplicates=2 * once.accepted + 3 * once.duplicates,
        rejected=3 * once.rejected,
    )


# --- clocks that are wrong ---

HOURS = (-30, -5, 0, 5, 30)
"""By how much a clock is wrong."""
MINUTES = (-10, 0, 4.99, 5, 5.01, 10)
"""What a clock may be wrong by when nobody would call it so."""
Stamped = tuple[bytes, int]
"""A record's value, and its Kafka timestamp in milliseconds."""


def with_wrong_clocks(values: list[bytes], now: datetime) -> Iterator[Stamped]:
    """Each event by a clock of its own, and its Kafka timestamp by another; both about a day ago."""
    dice = random.Random(8)  # noqa: S311 - seeded
    errors = [timedelta(hours=hours) for hours in HOURS]
    errors += [timedelta(minutes=minutes) for minutes in MINUTES]
    for number, value in enumerate(values):
        moment = now - timedelta(hours=36) + timedelta(seconds=number)
        event = json.loads(value)
        event["time"] = (moment + dice.choice(errors)).isoformat()
        stamp = moment + timedelta(hours=dice.choice(HOURS) * (number % 2))
        yield json.dumps(event).encode(), int(stamp.timestamp() * 1000)


def send(stream: Stream, records: list[Stamped]) -> None:
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    producer = KafkaProducer(bootstrap_servers=stream.bootstrap, acks="all")
    try:
        sent = [
            producer.send(stream.topic, value, b"%d" % stamp, timestamp_ms=stamp) for value, stamp in records
        ]
        for each in sent:
            each.get(10)
    finally:
        producer.close()


def test_wrong_clocks_of_producers_are_judged_by_each_record_s_own_kafka_timestamp(stream, simulated):
    known = {}
    for value in simulated.file.read_bytes().splitlines():
        if (event := verdict(value, None).event) is not None:
            known[event.id] = value
    records = list(with_wrong_clocks(list(known.values())[:1500], clock().astimezone(UTC)))
    judged = [(value, verdict(value, stamp)) for value, stamp in records]
    reasons = Counter(each.reason for _, each in judged if each.event is None)
    assert set(reasons) == {"time_in_future"}
    with stream.worker() as process:
        send(stream, records)
        stream.until_caught_up()
        assert ended(process, signal.SIGTERM).returncode == 0
    with new_store(stream.place / "in-time.duckdb") as store, store.reading() as con:
        store.ingest([batch([value for value, each in judged if each.event is not None])], NOW)
        stream.undisturbed = fingerprint(con)
    stream.assert_whole(consumed=len(records), rejected=reasons.total(), duplicates=0)
    with open_reader(stream.place / stream.database) as con:
        assert con.execute("select distinct reason from rejections").fetchall() == [("time_in_future",)]
    replayed = ("replay", f"kafka://{stream.bootstrap}/{stream.topic}", "--db", "replayed.duckdb")
    done(*replayed, cwd=stream.place)
    with open_reader(stream.place / "replayed.duckdb") as con:
        assert fingerprint(con) == stream.undisturbed
