"""(c) How long the readings take over a long history: the refresh, and `metrics_at` in every way."""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import Any

from bench.figures import Figure, Part
from bench.inputs import Setup
from bench.processes import MIB, ROOT, module
from pipeline.cells import FOLD_FACTS

MOST_REFRESH_MS = 300.0
MOST_CALL_MS = 500.0


def measure_readings(setup: Setup) -> Part:
    """The history is built once, or found where it was kept; everything else is timed in each run."""
    database, built = _history(setup)
    place = setup.place("c-readings")
    copy = shutil.copy(database, place / "history.duckdb")
    cost, told = module(place, "time_readings", str(copy), str(setup.runs))
    timed = json.loads(told)
    millions = built["touchpoints"] / 1e6
    return Part(
        f"readings over {built['touchpoints']:,} touchpoints of 28 days",
        [
            Figure("full refresh", "ms", timed["refresh"], MOST_REFRESH_MS),
            Figure("full refresh, once all facts are folded", "ms", timed["refresh_folded"]),
            *_figures(timed["calls"], "latest", "at the latest moment"),
            *_figures(timed["calls"], "past", "at an odd moment in the past"),
            Figure("peak memory while reading", "MiB", [cost.peak_mib]),
            Figure("build", "s", [built["wall_s"]]),
            Figure("build, CPU per million touchpoints", "s", [built["cpu_s"] / millions]),
            Figure("file per million touchpoints", "MiB", [built["bytes"] / MIB / millions]),
        ],
        {
            "slowest call": _told(_slowest(timed["calls"])),
            "slowest single call": f"{max(max(call['ms']) for call in timed['calls']):.0f} ms",
            "first refresh after opening": f"{timed['first_refresh']:.0f} ms",
            "events that wait to be folded": f"{timed['unfolded_events']:,}; a fold is due at {FOLD_FACTS:,}",
            "history built by these sources": str(built["sources"] == _sources()).lower(),
            "calls": timed["calls"],
        },
    )


def _history(setup: Setup) -> tuple[Path, dict[str, Any]]:
    """The database and what its build took; built where it is not kept."""
    path = setup.kept / f"history-{setup.history}.duckdb"
    record = path.with_suffix(".json")
    if not (path.exists() and record.exists()):
        sys.stderr.write(f"building a history of {setup.history:,} touchpoints; --keep saves it\n")
        told = module(setup.place("c-build"), "build_history", str(path), str(setup.history))[1]
        record.write_text(json.dumps(json.loads(told) | {"sources": _sources()}), encoding="utf-8")
    return path, json.loads(record.read_text(encoding="utf-8"))


def _sources() -> str:
    """One hash over the pipeline's code: a kept history may be of other sources than those measured."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "pipeline").rglob("*")):
        if path.suffix in (".py", ".sql"):
            found.update(path.read_bytes())
    return found.hexdigest()


def _figures(calls: list[dict[str, Any]], moment: str, when: str) -> list[Figure]:
    """Over the calls at one moment: in each run the median one and the slowest one."""
    runs = list(zip(*(call["ms"] for call in calls if call["moment"] == moment), strict=True))
    return [
        Figure(f"metrics_at {when}, median call", "ms", [median(run) for run in runs]),
        Figure(f"metrics_at {when}, slowest call", "ms", [max(run) for run in runs], MOST_CALL_MS),
    ]


def _slowest(calls: list[dict[str, Any]]) -> dict[str, Any]:
    return max(calls, key=lambda call: median(call["ms"]))


def _told(call: dict[str, Any]) -> str:
    moment, span, dimension = (call[name] for name in ("moment", "span", "dimension"))
    return f"{moment} moment, {span} by {dimension}: {median(call['ms']):.0f} ms for {call['rows']} rows"
