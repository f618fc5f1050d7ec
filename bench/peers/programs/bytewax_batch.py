"""Bytewax, batch aggregation: its Kafka source by batches, each summed up in one step, a sink at the end.

https://docs.bytewax.io/stable/guide/getting-started/simple-example.html
https://docs.bytewax.io/stable/api/bytewax/bytewax.connectors.kafka.html
"""

import sys

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main
from totals import Key, keep
from typed_events import add

BATCH = 10_000
Totals = dict[Key, list[int]]


class Part(StatelessSinkPartition[int]):
    """Writes the totals once all is in."""

    def __init__(self, totals: Totals, records: int, database: str) -> None:
        self._totals, self._awaited, self._database = totals, records, database

    def write_batch(self, items: list[int]) -> None:
        self._awaited -= sum(items)

    def close(self) -> None:
        if self._awaited == 0:
            keep(self._totals, self._database)


class Sink(DynamicSink[int]):
    def __init__(self, *arguments: object) -> None:
        self._arguments = arguments

    def build(self, _step_id: str, _worker_index: int, _worker_count: int) -> Part:
        return Part(*self._arguments)


def flow(bootstrap: str, topic: str, records: int, database: str) -> Dataflow:
    totals: Totals = {}

    def sum_up(messages: list[KafkaSourceMessage]) -> list[int]:
        add([message.value for message in messages], totals)
        return [len(messages)]

    flow = Dataflow("peer")
    source = KafkaSource(
        [bootstrap], [topic], tail=False, batch_size=BATCH, add_config={"fetch.queue.backoff.ms": "5"}
    )
    messages = op.input("in", flow, source)
    op.output("out", op.flat_map_batch("sum", messages, sum_up), Sink(totals, records, database))
    return flow


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    run_main(flow(bootstrap, topic, int(records), database))
