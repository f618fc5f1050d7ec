"""(b) `firsthand replay` of the same events from a file."""

from pathlib import Path
from typing import Any

from bench.figures import Part, per_run
from bench.inputs import Setup, events_file
from bench.processes import firsthand


def measure_replay(setup: Setup) -> Part:
    """Each run is a new process and a new database on disk, with the readings refreshed at the end."""
    file = events_file(setup)
    start = setup.place("b-start")
    single = start / "one.jsonl"
    with file.open("rb") as events:
        single.write_bytes(events.readline())
    runs = [_run(file, single, setup, number) for number in range(setup.runs)]
    return Part(
        f"replay of {setup.events:,} events from a file",
        [
            per_run("events/s, with the start of the process", "/s", runs),
            per_run("CPU per million events", "s", runs),
            per_run("CPU per million events, less a replay of one event", "s", runs),
            per_run("peak memory", "MiB", runs),
            per_run("database per million events", "MiB", runs),
        ],
    )


def _run(file: Path, single: Path, setup: Setup, number: int) -> dict[str, Any]:
    place = setup.place(f"b-{number}")
    database = place / "replayed.duckdb"
    cost, _ = firsthand(place, "replay", str(file), "--db", str(database))
    fixed, _ = firsthand(place, "replay", str(single), "--db", str(place / "one.duckdb"))
    size_mib = database.stat().st_size / 1024**2
    database.unlink()
    return {
        "events/s, with the start of the process": setup.events / cost.wall_s,
        "CPU per million events": cost.cpu_s / setup.events * 1e6,
        "CPU per million events, less a replay of one event": (cost.cpu_s - fixed.cpu_s) / setup.events * 1e6,
        "peak memory": cost.peak_mib,
        "database per million events": size_mib / setup.events * 1e6,
    }
