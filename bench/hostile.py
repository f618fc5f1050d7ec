"""(e) Hostile records against clean ones, through `Store.ingest`."""

import json
from typing import Any

from bench.figures import Part, per_run
from bench.inputs import Setup
from bench.processes import module

MOST_TIMES_SLOWER = 3.0


def measure_hostile(setup: Setup) -> Part:
    """Each run is a new process that stores clean records, a mixture of hostile ones, and each kind alone."""
    runs = [_run(setup, number) for number in range(setup.runs)]
    kinds = {name: [run["kinds"][name] for run in runs] for name in runs[0]["kinds"]}
    return Part(
        f"{setup.hostile:,} hostile records against as many clean ones",
        [
            per_run("clean records/s of CPU", "/s", runs),
            per_run("hostile records/s of CPU", "/s", runs),
            per_run("a hostile record's CPU, in clean ones", "", runs, MOST_TIMES_SLOWER),
            per_run("the costliest kind", "us", runs),
            per_run("peak memory", "MiB", runs),
        ],
        {
            "us per record by kind": ", ".join(f"{name} {min(us):,.0f}" for name, us in kinds.items()),
            "kinds": kinds,
        },
    )


def _run(setup: Setup, number: int) -> dict[str, Any]:
    place = setup.place(f"e-{number}")
    cost, told = module(place, "time_hostile", str(place), str(setup.hostile))
    found = json.loads(told)
    return {
        "clean records/s of CPU": 1e6 / found["clean"],
        "hostile records/s of CPU": 1e6 / found["hostile"],
        "a hostile record's CPU, in clean ones": found["hostile"] / found["clean"],
        "the costliest kind": max(found["kinds"].values()),
        "peak memory": cost.peak_mib,
        "kinds": found["kinds"],
    }
