"""confluent-kafka + polars: batches of texts, decoded and summed up as columns.

https://docs.confluent.io/kafka-clients/python/current/overview.html
https://docs.pola.rs/api/python/stable/reference/series/api/polars.Series.str.json_decode.html

json_decode ends at the first text that is no JSON; json_path_match, which does not, finds those before.
"""

import sys

import duckdb
import polars as pl
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

BATCH = 100_000
TYPES = ["touchpoint.contact.v1", "touchpoint.survey.v1", "touchpoint.invitation.v1"]
DATA = {"channel": pl.String, "reason": pl.String, "wait_s": pl.String, "csat": pl.Int64, "effort": pl.Int64}
EVENT = pl.Struct({"type": pl.String, "time": pl.String, "data": pl.Struct(DATA)})
KEY = ("minute", "channel", "reason")


def summed_up(values: list[bytes]) -> pl.DataFrame:
    """The totals of a batch; `wait_s` is read as text, so that one that is no number is seen."""
    texts = pl.Series(decoded(values), dtype=pl.String)
    sound = texts.filter(texts.str.json_path_match("$.type").is_not_null())
    wait_s = pl.col("wait_s").cast(pl.Float64, strict=False)
    return (
        sound.str.json_decode(EVENT)
        .struct.unnest()
        .lazy()
        .unnest("data")
        .filter(
            pl.col("type").is_in(TYPES),
            pl.col("time").str.len_bytes() == 24,
            pl.col("time").str.ends_with("Z"),
            pl.col("channel").is_not_null(),
            pl.col("wait_s").is_null() | wait_s.is_not_null(),
        )
        .group_by(pl.col("time").str.slice(0, 16).alias("minute"), "channel", "reason")
        .agg(
            pl.len().cast(pl.Int64).alias("touchpoints"),
            pl.col("wait_s").count().cast(pl.Int64).alias("waits"),
            (wait_s * 1000).round().cast(pl.Int64).sum().alias("wait_ms"),
            pl.col("csat").count().cast(pl.Int64).alias("csats"),
            pl.col("csat").sum().alias("csat_sum"),
            pl.col("effort").count().cast(pl.Int64).alias("efforts"),
            pl.col("effort").sum().alias("effort_sum"),
        )
        .collect()
    )


def decoded(values: list[bytes]) -> list[str]:
    texts = []
    for value in values:
        try:
            texts.append(value.decode())
        except UnicodeDecodeError:
            continue
    return texts


def fetched(consumer: Consumer, number: int) -> list[bytes]:
    """The values of so many messages."""
    values: list[bytes] = []
    while len(values) < number:
        messages = consumer.consume(min(10_000, number - len(values)), timeout=1)
        values += [message.value() for message in messages if message.error() is None]
    return values


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
    batches = []
    while records:
        values = fetched(consumer, min(BATCH, records))
        batches.append(summed_up(values))
        records -= len(values)
    consumer.close()
    totals = pl.concat(batches).group_by(KEY).sum().to_arrow()
    with duckdb.connect(database) as connection:
        connection.register("arrow", totals)
        connection.execute("create table totals as from arrow")


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    main(bootstrap, topic, int(records), database)
