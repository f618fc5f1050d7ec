"""Faust's producer, which sends dead letters in an order that no failure changes."""

from collections.abc import Sequence

from faust.transport.drivers import aiokafka as driver

from pipeline.transport.log import FAUSTS_LOG

SentRecord = tuple[bytes | None, bytes, list[tuple[str, bytes]]]
"""Key, value and headers."""


class Producer(driver.Producer):
    """Faust's producer, which can also send records in an order that no failure changes."""

    logger = FAUSTS_LOG

    async def send_first(self, topic: str, number: int, records: Sequence[SentRecord]) -> int:
        """Send the first records, as many as one batch holds; return how many, once they are acknowledged.

        All of them or none arrive. Of records handed over one by one, Kafka's client may give up an earlier
        batch and still deliver a later one. Equal `number`s go to one partition, of those there are now.
        """
        producer = self._ensure_producer()
        partitions = await producer.partitions_for(topic)
        batch = producer.create_batch()
        count = 0
        for key, value, headers in records:
            if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                break
            count += 1
        await (await producer.send_batch(batch, topic, partition=number % len(partitions)))
        return count
