"""confluent-kafka + msgspec + dict: batches of messages, typed structs, a dict of sums.

https://docs.confluent.io/kafka-clients/python/current/overview.html
"""

import sys

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from totals import Key, keep
from typed_events import add

BATCH = 10_000


def main(bootstrap: str, topic: str, records: int, database: str) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "peer",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,  # the default of 1000 halves its events per second
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    totals: dict[Key, list[int]] = {}
    while records:
        messages = consumer.consume(min(BATCH, records), timeout=1)
        values = [message.value() for message in messages if message.error() is None]
        add(values, totals)
        records -= len(values)
    consumer.close()
    keep(totals, database)


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    main(bootstrap, topic, int(records), database)
