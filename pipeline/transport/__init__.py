"""The Faust transport whose agents receive whole fetched record batches, 70 times cheaper than records.

A topic declared with `BatchSchema` yields one `RecordBatch` per partition and fetch; all other topics
keep Faust's own path. An event of such a topic is acknowledged when its records are stored, and then
Kafka's committed offset follows, for the tools that watch the lag. Where to consume from is the
database's business alone: `BatchApp.stored_offsets` is asked whenever partitions are assigned.

    app = BatchApp("name", stored_offsets, broker="batchkafka://127.0.0.1:9092")
    topic = app.topic("touchpoints", schema=BatchSchema())

This leans on the insides of aiokafka and Faust in the pinned versions; tests/test_transport.py says how.
"""

from aiokafka.consumer import fetcher
from faust.transport.drivers import TRANSPORTS
from faust.transport.drivers import aiokafka as driver

from pipeline.transport.consumer import Consumer
from pipeline.transport.kept_records import KeptRecords
from pipeline.transport.log import FAUSTS_LOG
from pipeline.transport.producer import Producer
from pipeline.transport.unpacker import PartitionRecords

SCHEME = "batchkafka"


class Transport(driver.Transport):
    """What `batchkafka://` stands for."""

    logger = FAUSTS_LOG

    Consumer = Consumer
    Producer = Producer


TRANSPORTS.aliases[SCHEME] = f"{__name__}:Transport"
fetcher.PartitionRecords = PartitionRecords  # aiokafka's Fetcher looks the names up in its module
fetcher.MemoryRecords = KeptRecords
