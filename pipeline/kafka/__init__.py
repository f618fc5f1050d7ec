"""The only door to kafka-python: topics, producing, and reading a topic from beginning to end.

The worker consumes through Faust (`pipeline.transport`). What stands here needs no consumer group:
partitions are assigned by hand, and nothing is committed.
"""

from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch

from pipeline.kafka.client import require_broker
from pipeline.kafka.ends import end_offsets
from pipeline.kafka.producer import partition_of, produce
from pipeline.kafka.reader import count_waiting, read_batches
from pipeline.kafka.topics import ensure_topics, require_rights, topic_id
from pipeline.kafka.unpacker import Unpacker, read_leniently

__all__ = [
    "count_waiting",
    "end_offsets",
    "ensure_topics",
    "partition_of",
    "produce",
    "read_batches",
    "require_broker",
    "require_rights",
    "topic_id",
]

Fetcher.PartitionRecords = Unpacker  # where kafka-python looks it up
DefaultRecordBatch._read_msg = read_leniently  # noqa: SLF001 - there is no public way
