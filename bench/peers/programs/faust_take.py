"""Stock Faust, Record + take: typed models with validation, batches by `take`, a dict of sums.

https://faust-streaming.github.io/faust/userguide/models.html
https://faust-streaming.github.io/faust/userguide/streams.html
"""

import os
import signal
import sys
from typing import Any

import faust
from totals import Key, keep

TYPES = {"touchpoint.contact.v1", "touchpoint.survey.v1", "touchpoint.invitation.v1"}
bootstrap, topic, records, database = sys.argv[1:]


class Data(faust.Record, validation=True):
    channel: str
    reason: str | None = None
    wait_s: float | None = None
    csat: int | None = None
    effort: int | None = None


class Event(faust.Record, validation=True):
    type: str
    time: str
    data: Data


class Tolerant(faust.Topic):
    """Drops what is no Event instead of crashing."""

    async def on_value_decode_error(self, *_: Any) -> None:
        progress.note(1)


app = faust.App(
    f"faust-{os.getpid()}",
    broker=f"kafka://{bootstrap}",
    datadir=f"{database}.faust",
    web_enabled=False,
    broker_session_timeout=6,
    broker_heartbeat_interval=2,
    consumer_auto_offset_reset="earliest",
    Topic=Tolerant,
)
totals: dict[Key, list[int]] = {}


class Progress:
    """Ends the worker as Ctrl-C does, once all is in."""

    def __init__(self, awaited: int) -> None:
        self._awaited = awaited

    def note(self, consumed: int) -> None:
        self._awaited -= consumed
        if self._awaited == 0:
            keep(totals, database)
            os.kill(os.getpid(), signal.SIGTERM)


progress = Progress(int(records))


@app.agent(app.topic(topic, value_type=Event))
async def sum_up(stream: faust.StreamT[Event]) -> None:
    async for events in stream.take(10_000, within=1):
        add(events)
        progress.note(len(events))


def add(events: list[Event]) -> None:
    for event in events:
        time, data = event.time, event.data
        if event.type not in TYPES or len(time) != 24 or time[-1] != "Z":
            continue
        sums = totals.setdefault((time[:16], data.channel, data.reason), [0] * 7)
        sums[0] += 1
        if data.wait_s is not None:
            sums[1] += 1
            sums[2] += round(data.wait_s * 1000)
        if data.csat is not None:
            sums[3] += 1
            sums[4] += data.csat
        if data.effort is not None:
            sums[5] += 1
            sums[6] += data.effort


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING").execute_from_commandline()
