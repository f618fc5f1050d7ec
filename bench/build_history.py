"""A database of 28 simulated days, built through the worker's own code: python -m bench.build_history.

Prints JSON: how long the build took and its CPU seconds, less those of making the events up.
"""

import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from bench.inputs import DAYS, SEED
from pipeline.batch import RecordBatch
from pipeline.commands.options import clock
from pipeline.database import built_anew
from pipeline.replay import replay
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.simulate import SimulatedEvent, simulate
from pipeline.store import Store

EVENTS_PER_CUSTOMER = 10
BATCH = 60_000
TOPIC = "history"


class Simulation:
    """Batches of simulated events, and what making them took: nothing else runs meanwhile."""

    def __init__(self, events: int) -> None:
        people = max(events // EVENTS_PER_CUSTOMER, 10)
        self._events = simulate(events, SEED, people, days=DAYS, duplicates=0, broken=0)
        self.wall_s = self.cpu_s = 0.0

    def batches(self) -> Iterator[RecordBatch]:
        """One partition, offsets from 0."""
        start = 0
        while events := self._next():
            values: list[bytes | None] = [each.value for each in events]
            stop = start + len(events)
            yield RecordBatch(TOPIC, 0, start, stop, offsets=range(start, stop), values=values)
            start = stop

    def _next(self) -> list[SimulatedEvent]:
        wall, cpu = time.perf_counter(), time.process_time()
        events = list(islice(self._events, BATCH))
        self.wall_s += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu
        return events


def build(path: Path, events: int) -> dict[str, float]:
    """Build the database at `path`; its touchpoints and what they cost."""
    simulation = Simulation(events)
    wall, cpu = time.perf_counter(), time.process_time()
    with built_anew(path, Definitions(), create_schema, overwrite=True) as con, Store(con) as store:
        tally = replay(store, simulation.batches(), clock())
    return {
        "touchpoints": tally.accepted,
        "wall_s": time.perf_counter() - wall - simulation.wall_s,
        "cpu_s": time.process_time() - cpu - simulation.cpu_s,
        "bytes": path.stat().st_size,
    }


if __name__ == "__main__":
    print(json.dumps(build(Path(sys.argv[1]), int(sys.argv[2]))))
