"""aiokafka + msgspec + dict: getmany, typed structs, a dict of sums.

https://aiokafka.readthedocs.io/en/stable/consumer.html
"""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, TopicPartition
from totals import Key, keep
from typed_events import add

BATCH = 10_000


async def main(bootstrap: str, topic: str, records: int, database: str) -> None:
    totals: dict[Key, list[int]] = {}
    async with AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    ) as consumer:
        await consumer.topics()  # so that it knows the partitions
        consumer.assign([TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)])
        while records:
            fetched = await consumer.getmany(timeout_ms=1000, max_records=min(BATCH, records))
            for messages in fetched.values():
                add([message.value for message in messages], totals)
                records -= len(messages)
    keep(totals, database)


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    asyncio.run(main(bootstrap, topic, int(records), database))
