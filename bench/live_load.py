"""(f) What readers cost ingest, and what they wait: live SQL and open pages while events come in."""

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.figures import Part, per_run
from bench.inputs import Setup, events_file
from bench.processes import Child, firsthand
from bench.running_worker import RunningWorker, running_worker
from pipeline.embedded_broker import EmbeddedBroker

READERS, PAGES = 8, 20
WARM_UP = 200
MOST_LOST = 0.1
MOST_P95_S = 0.15
LOOK_EVERY_S = 0.1
STALL_DEADLINE_S = 60.0


def measure_live_load(setup: Setup) -> Part:
    """Each run is a new worker on a copy of a database that holds the events of (a) already."""
    history = setup.place("f-history") / "history.duckdb"
    firsthand(setup.place("f-replay"), "replay", str(events_file(setup)), "--db", str(history))
    runs = [_run(setup, history, setup.place(f"f-{number}")) for number in range(setup.runs)]
    return Part(
        f"{setup.live_rate:,.0f} events/s for {setup.seconds:g} s; {READERS} readers, {PAGES} open pages",
        [
            per_run("events/s stored, nobody reads", "/s", runs),
            per_run("events/s stored, all read", "/s", runs),
            per_run("share of the rate that readers cost", "", runs, MOST_LOST),
            per_run("a reader's readings, p50", "s", runs),
            per_run("a reader's readings, p95", "s", runs, MOST_P95_S),
            per_run("torn answers", "", runs, 0),
            per_run("answers to readers", "", runs),
            per_run("what a page asks for, p95", "s", runs),
        ],
    )


def _run(setup: Setup, history: Path, place: Path) -> dict[str, Any]:
    database = place / "live.duckdb"
    shutil.copy(history, database)
    _, token = firsthand(place, "token", "new", "bench", "--db", str(database))
    count = round(setup.live_rate * setup.seconds)
    with (
        EmbeddedBroker() as broker,
        running_worker(broker.bootstrap, database, place, "bench") as worker,
    ):
        worker.until_running()

        def rate(name: str, events: int) -> float:
            return _stored_per_second(broker.bootstrap, worker, name, events, setup.live_rate, place / name)

        rate("warmup", WARM_UP)
        alone = rate("alone", count)
        to = place / "seen.json"
        readers = [str(database), token.strip(), str(READERS), str(PAGES), str(to)]
        with Child([sys.executable, "-m", "bench.live_readers", *readers], place / "alone") as reading:
            _until_all_have_read(reading)
            read = rate("read", count)
            reading.require_alive()
            reading.stop()
            reading.cost()
        worker.stop()
    seen = json.loads(to.read_text(encoding="utf-8"))
    if not seen["queries"] or not seen["pages"]:
        raise BenchError("nobody read anything")
    return {
        "events/s stored, nobody reads": alone,
        "events/s stored, all read": read,
        "share of the rate that readers cost": 1 - read / alone,
        "a reader's readings, p50": float(np.quantile(seen["queries"], 0.5)),
        "a reader's readings, p95": float(np.quantile(seen["queries"], 0.95)),
        "torn answers": seen["torn"],
        "answers to readers": len(seen["queries"]),
        "what a page asks for, p95": float(np.quantile(seen["pages"], 0.95)),
    }


def _until_all_have_read(reading: Child) -> None:
    deadline = time.monotonic() + STALL_DEADLINE_S
    while not reading.stdout:
        reading.require_alive()
        if time.monotonic() > deadline:
            raise BenchError(f"not all have read within {STALL_DEADLINE_S:.0f} s")
        time.sleep(LOOK_EVERY_S)


def _stored_per_second(
    bootstrap: str, worker: RunningWorker, name: str, count: int, rate: float, place: Path
) -> float:
    """Send `count` events at `rate`; how many were stored a second, from the first to the last."""
    place.mkdir()
    argv = [sys.executable, "-m", "bench.steady_sender", bootstrap, name, str(count), str(rate)]
    before = _consumed(worker)
    looks = [(0.0, 0)]
    with Child([*argv, str(place / "sent.npy")], place) as sender:
        while looks[-1][1] < count:
            at, consumed = _consumed_at(worker)
            if consumed - before > looks[-1][1]:
                looks.append((at, consumed - before))
            elif len(looks) > 1 and at > looks[-1][0] + STALL_DEADLINE_S:
                raise BenchError(f"only {looks[-1][1]:,} of {count:,} events were stored")
            if sender.has_ended():
                sender.cost()  # raises where it failed
            time.sleep(LOOK_EVERY_S)
        sender.cost()
    (began, first), (ended, last) = looks[1], looks[-1]
    return (last - first) / (ended - began) if ended > began else float(count)


def _consumed_at(worker: RunningWorker) -> tuple[float, int]:
    at, answer = worker.look()
    return at, int(answer["state"]["consumed"])


def _consumed(worker: RunningWorker) -> int:
    return _consumed_at(worker)[1]
