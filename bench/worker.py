"""(a) The worker end to end: from the embedded broker into a fresh database on disk, all switched on."""

import json
import time
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from bench.figures import Part, per_run
from bench.inputs import Setup, count_sent, events_file
from bench.processes import Cost, firsthand
from bench.running_worker import LOOK_EVERY_S, RunningWorker, running_worker
from pipeline.embedded_broker import EmbeddedBroker

MOST_CPU_S = 8.0
MOST_MIB = 1024.0
STALL_DEADLINE_S = 60.0
IDLE_TOPIC = "nothing"


def measure_worker(setup: Setup) -> Part:
    """The events are in the broker beforehand; each run is a new worker process, group and database."""
    file = events_file(setup)
    with EmbeddedBroker() as broker:
        told = firsthand(setup.place("a-send"), "send", str(file), "--kafka", broker.bootstrap)[1]
        sent = count_sent(told)
        runs = [_run(broker.bootstrap, sent, setup.place(f"a-{n}"), n) for n in range(setup.runs)]
    return Part(
        f"worker end to end, {sent:,} events in 4 partitions",
        [
            per_run("events/s, first record stored to last", "/s", runs),
            per_run("events/s, with the start of the process", "/s", runs),
            per_run("CPU per million events", "s", runs, MOST_CPU_S),
            per_run("CPU per million events, less an idle worker's", "s", runs, MOST_CPU_S),
            per_run("CPU of a worker idle for as long", "s", runs),
            per_run("peak memory", "MiB", runs, MOST_MIB),
            per_run("start of the process to first record stored", "s", runs),
        ],
        {"audit": f"consumed {sent:,} of {sent:,} sent, the conservation law holds, in every run"},
    )


def _run(bootstrap: str, sent: int, place: Path, number: int) -> dict[str, Any]:
    database = place / "worker.duckdb"
    with running_worker(bootstrap, database, place, f"bench-{number}") as worker:
        seen = until_stored(worker, sent)
        cost = worker.stop()
    require_law(database, sent, place / "audit")
    idle = _idle(bootstrap, place / "idle", number, cost)
    (first_at, at_first), (last_at, _) = seen
    rest, took = sent - at_first, last_at - first_at
    return {
        "events/s, first record stored to last": rest / took if took else None,
        "events/s, with the start of the process": sent / (last_at - worker.child.began),
        "CPU per million events": cost.cpu_s / sent * 1e6,
        "CPU per million events, less an idle worker's": (cost.cpu_s - idle.cpu_s) / sent * 1e6,
        "CPU of a worker idle for as long": idle.cpu_s,
        "peak memory": cost.peak_mib,
        "start of the process to first record stored": first_at - worker.child.began,
    }


def until_stored(worker: RunningWorker, sent: int) -> tuple[tuple[float, int], tuple[float, int]]:
    """When the first records were seen stored, and how many; and the same of the last."""
    first: tuple[float, int] | None = None
    latest, deadline = 0, time.monotonic() + STALL_DEADLINE_S
    while True:
        at, seen = worker.look()
        consumed = seen["state"]["consumed"]
        if consumed > latest:
            latest, deadline = consumed, at + STALL_DEADLINE_S
            first = first or (at, consumed)
        if first and consumed >= sent:
            return first, (at, consumed)
        if at > deadline:
            raise BenchError(f"the worker stalled at {latest:,} of {sent:,} events")
        time.sleep(LOOK_EVERY_S)


def require_law(database: Path, sent: int, place: Path) -> None:
    """A figure counts only if everything sent was consumed once, and is accounted for."""
    place.mkdir()
    found = json.loads(firsthand(place, "audit", "--db", str(database), "--json")[1])
    if not found["holds"] or found["consumed"] != sent:
        raise BenchError(f"{sent:,} events were sent, the audit of the database says {found}")


def _idle(bootstrap: str, place: Path, number: int, busy: Cost) -> Cost:
    """What a worker costs that lives as long and has nothing to do: start, group, refreshes, server."""
    place.mkdir()
    group = f"bench-idle-{number}"
    with running_worker(bootstrap, place / "idle.duckdb", place, group, IDLE_TOPIC) as worker:
        worker.idle(busy.wall_s)
        return worker.stop()
