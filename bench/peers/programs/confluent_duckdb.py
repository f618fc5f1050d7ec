"""confluent-kafka + DuckDB SQL: batches become newline-delimited JSON in memory, which read_json reads.

https://docs.confluent.io/kafka-clients/python/current/overview.html
https://duckdb.org/docs/stable/guides/python/filesystems
https://duckdb.org/docs/stable/data/json/loading_json

A record with a line break inside would be cut in two; the simulator writes none.
"""

import sys

import duckdb
import fsspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

BATCH = 100_000
SUM_UP = """
insert into batches
select
    time[:16] as minute,
    data.channel as channel,
    data.reason as reason,
    count(*) as touchpoints,
    count(data.wait_s) as waits,
    sum(round(data.wait_s::varchar::double * 1000)::bigint) as wait_ms,
    count(data.csat) as csats,
    sum(data.csat::varchar::bigint) as csat_sum,
    count(data.effort) as efforts,
    sum(data.effort::varchar::bigint) as effort_sum,
from read_json(
    'memory://batch.json', format = 'newline_delimited', ignore_errors = true, columns = {
        type: 'varchar',
        time: 'varchar',
        data: 'struct(channel varchar, reason varchar, wait_s json, csat json, effort json)'
    }
)
where type in ('touchpoint.contact.v1', 'touchpoint.survey.v1', 'touchpoint.invitation.v1')
    and length(time) = 24
    and time like '%Z'
    and data.channel is not null
    and (data.wait_s is null or try_cast(data.wait_s::varchar as double) is not null)
    and (data.csat is null or json_type(data.csat) in ('UBIGINT', 'BIGINT'))
    and (data.effort is null or json_type(data.effort) in ('UBIGINT', 'BIGINT'))
group by all
"""


def main(bootstrap: str, topic: str, records: int, database: str) -> None:
    """Sum up batch by batch, and the batches at the end."""
    consumer = started(bootstrap, topic)
    memory = fsspec.filesystem("memory")
    with duckdb.connect(database) as connection:
        connection.register_filesystem(memory)
        connection.execute(
            """create temp table batches (
                minute varchar, channel varchar, reason varchar, touchpoints bigint,
                waits bigint, wait_ms bigint, csats bigint, csat_sum bigint, efforts bigint, effort_sum bigint
            )"""
        )
        while records:
            messages = fetched(consumer, min(BATCH, records))
            memory.pipe("/batch.json", b"\n".join(messages))
            connection.execute(SUM_UP)
            records -= len(messages)
        connection.execute(
            "create table totals as select minute, channel, reason, "
            "sum(columns(* exclude (minute, channel, reason)))::bigint from batches group by all"
        )
    consumer.close()


def started(bootstrap: str, topic: str) -> Consumer:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "peer",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,  # the default of 1000 halves it
        }
    )
    partitions = consumer.list_topics(topic).topics[topic].partitions
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
    return consumer


def fetched(consumer: Consumer, number: int) -> list[bytes]:
    """The values of so many messages."""
    values: list[bytes] = []
    while len(values) < number:
        messages = consumer.consume(min(10_000, number - len(values)), timeout=1)
        values += [message.value() for message in messages if message.error() is None]
    return values


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    main(bootstrap, topic, int(records), database)
