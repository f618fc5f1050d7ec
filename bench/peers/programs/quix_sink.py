"""Quix Streams, batching sink: messages gathered by partition, decoded and summed up at each checkpoint.

https://quix.io/docs/quix-streams/connectors/sinks/custom-sinks.html
https://quix.io/docs/quix-streams/configuration.html
"""

import sys
from pathlib import Path
from typing import Any

from quixstreams import Application
from quixstreams.sinks import BatchingSink, SinkBatch
from totals import Key, keep
from typed_events import add


class Totals(BatchingSink):
    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[Key, list[int]] = {}

    def write(self, batch: SinkBatch) -> None:
        add((item.value for item in batch), self.totals)


def main(bootstrap: str, topic: str, records: int, database: str) -> None:
    def count(*_: Any) -> None:
        nonlocal records
        records -= 1
        if records == 0:
            app.stop()

    app = Application(
        broker_address=bootstrap,
        consumer_group=f"quix-{topic}-{database}",
        auto_offset_reset="earliest",
        on_message_processed=count,
        state_dir=Path(database).parent / "quix-state",
        consumer_extra_config={"session.timeout.ms": 6000, "fetch.queue.backoff.ms": 5},
    )
    sink = Totals()
    app.dataframe(app.topic(topic, value_deserializer="bytes")).sink(sink)
    app.run()
    keep(sink.totals, database)


if __name__ == "__main__":
    bootstrap, topic, records, database = sys.argv[1:]
    main(bootstrap, topic, int(records), database)
