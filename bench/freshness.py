"""(d) From `send` to the reading that contains the event, at a steady rate, with a history behind it."""

import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.errors import BenchError
from bench.figures import Part, per_run
from bench.inputs import Setup, events_file
from bench.processes import Child, firsthand
from bench.running_worker import RunningWorker, running_worker
from bench.steady_sender import PARTITIONS
from pipeline.embedded_broker import EmbeddedBroker

MOST_P99_S = 2.0
LOOK_EVERY_S = 0.02
WARM_UP = 200
STALL_DEADLINE_S = 60.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Look:
    """What one answer of the worker contained: contacts by team, at the moment the answer was here."""

    at: float
    contained: Mapping[str, int]
    as_of: str = ""


def measure_freshness(setup: Setup) -> Part:
    """Each run is a new worker on a copy of a database that holds the events of (a) already."""
    history = setup.place("d-history") / "history.duckdb"
    firsthand(setup.place("d-replay"), "replay", str(events_file(setup)), "--db", str(history))
    runs = [_run(setup, history, setup.place(f"d-{number}")) for number in range(setup.runs)]
    count = round(setup.rate * setup.seconds)
    return Part(
        f"send to reading, {setup.rate:,.0f} events/s for {setup.seconds:g} s onto {setup.events:,} events",
        [
            per_run("send to reading, p50", "s", runs),
            per_run("send to reading, p99", "s", runs, MOST_P99_S),
            per_run("send to reading, longest", "s", runs),
            per_run("events/s sent", "/s", runs),
            per_run("between two refreshes, median", "s", runs),
            per_run("between two looks, median", "s", runs),
            per_run("between two looks, longest", "s", runs),
        ],
        {"events": f"all {count:,} were seen in a reading, in every run"},
    )


def latencies(sent: Floats, looks: Sequence[Look], name: str) -> Floats:
    """Seconds from each event's sending to the first look whose reading contains it.

    `sent`: rows of partition and moment, in the order of sending. Within a partition events are stored
    in that order, so the k-th of a team is contained once the team's contacts are k. Infinite where it
    was never seen.

    >>> sent = np.array([[0, 1.0], [1, 1.5], [0, 2.0]])
    >>> looks = [Look(2.5, {"x-0": 1}), Look(4.0, {"x-0": 2, "x-1": 1})]
    >>> latencies(sent, looks, "x").tolist()
    [1.5, 2.5, 2.0]
    """
    found = np.full(len(sent), np.inf)
    moments = np.append([look.at for look in looks], np.inf)
    for partition in np.unique(sent[:, 0]):
        mine = np.flatnonzero(sent[:, 0] == partition)
        contained = [look.contained.get(f"{name}-{partition:.0f}", 0) for look in looks]
        seen_at = np.searchsorted(np.maximum.accumulate(contained), np.arange(1, len(mine) + 1))
        found[mine] = moments[seen_at] - sent[mine, 1]
    return found


def _run(setup: Setup, history: Path, place: Path) -> dict[str, Any]:
    database = place / "fresh.duckdb"
    shutil.copy(history, database)
    count = round(setup.rate * setup.seconds)
    with (
        EmbeddedBroker() as broker,
        running_worker(broker.bootstrap, database, place, "bench") as worker,
    ):
        worker.until_running()
        _watch(broker.bootstrap, worker, "warmup", WARM_UP, setup.rate, place / "warmup")
        sent, looks = _watch(broker.bootstrap, worker, "steady", count, setup.rate, place / "steady")
        worker.stop()
    waited = latencies(sent, looks, "steady")
    between = np.diff([look.at for look in looks])
    return {
        "send to reading, p50": float(np.quantile(waited, 0.5)),
        "send to reading, p99": float(np.quantile(waited, 0.99)),
        "send to reading, longest": float(waited.max()),
        "events/s sent": (count - 1) / float(np.ptp(sent[:, 1])),
        "between two refreshes, median": _between_refreshes(looks),
        "between two looks, median": float(np.median(between)),
        "between two looks, longest": float(between.max()),
    }


def _watch(
    bootstrap: str, worker: RunningWorker, name: str, count: int, rate: float, place: Path
) -> tuple[Floats, list[Look]]:
    """Send `count` events and look until all are in a reading: when each was sent, and all looks."""
    place.mkdir()
    to = place / "sent.npy"
    argv = [sys.executable, "-m", "bench.steady_sender", bootstrap, name, str(count), str(rate), str(to)]
    looks: list[Look] = []
    most, deadline = 0, time.monotonic() + STALL_DEADLINE_S
    with Child(argv, place) as sender:
        while most < count:
            looks += _look(worker, name)
            contained = sum(looks[-1].contained.values()) if looks else 0
            if contained > most:
                most, deadline = contained, time.monotonic() + STALL_DEADLINE_S
            if time.monotonic() > deadline:
                raise BenchError(f"only {most:,} of {count:,} events came to be in a reading")
            if sender.has_ended():
                sender.cost()  # raises where it failed
            time.sleep(LOOK_EVERY_S)
        sender.cost()
    return np.load(to), looks


def _look(worker: RunningWorker, name: str) -> list[Look]:
    """What the reading of the last hour contains of `name`; nothing where the answer has no readings.

    (A refresh between the worker's two queries leaves an answer empty: it says nothing.)
    """
    at, answer = worker.look(span="1h", by="team")
    teams = {f"{name}-{partition}" for partition in range(PARTITIONS)}
    rows = [each for each in answer["readings"] if each["metric"] == "contacts"]
    contained = {each["member"]: each["numerator"] for each in rows if each["member"] in teams}
    return [Look(at, contained, rows[0]["as_of"])] if rows else []


def _between_refreshes(looks: Sequence[Look]) -> float | None:
    """Seconds from one moment that readings spoke of to the next; None where there was but one."""
    moments = [datetime.fromisoformat(text).timestamp() for text in dict.fromkeys(x.as_of for x in looks)]
    return float(np.median(np.diff(moments))) if len(moments) > 1 else None
