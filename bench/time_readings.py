"""How long a refresh and every `metrics_at` take on a database: python -m bench.time_readings DB RUNS.

Opened as the worker opens it, and changed: give it a copy. Each thing is done once before it is timed.
Prints JSON, milliseconds.
"""

import json
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from pipeline.cells import fold
from pipeline.connection import one, transaction
from pipeline.database import open_writer, stored_definitions
from pipeline.report import report
from pipeline.schema import create_schema, create_views
from pipeline.settings import Definitions
from pipeline.spans import SPANS
from pipeline.sql import load
from pipeline.store import Store
from pipeline.sums import DIMENSIONS

AGO = timedelta(days=9, hours=4, minutes=37, seconds=11, microseconds=123_457)
"""From the latest event back to a moment on no edge of an hour or a day, with half the history behind."""


def time_readings(path: Path, runs: int) -> dict[str, Any]:
    """The milliseconds of each run: of the refresh, and of `metrics_at` by moment, span and dimension."""
    con = open_writer(path, Definitions(), create_schema)
    create_views(con, stored_definitions(con))  # those of the sources at hand, not of a kept file
    store = Store(con)
    latest = store.latest_occurrence()
    if latest is None:
        raise BenchError(f"{path} holds no events: there is nothing to measure")
    found = {
        "unfolded_events": one(con, load("unfolded")),
        "first_refresh": _timed(lambda: store.refresh(latest)),
        "refresh": [_timed(lambda: store.refresh(latest)) for _ in range(runs)],
        "calls": [
            {"moment": name, "span": span, "dimension": dimension}
            | _call(store, moment, span, dimension, runs)
            for name, moment in (("latest", latest), ("past", latest - AGO))
            for span in SPANS
            for dimension in DIMENSIONS
        ],
    }
    with transaction(con):
        fold(con)
    store.refresh(latest)
    folded = [_timed(lambda: store.refresh(latest)) for _ in range(runs)]
    store.close()
    return found | {"refresh_folded": folded}


def _call(store: Store, moment: datetime, span: str, dimension: str, runs: int) -> dict[str, Any]:
    with store.reading() as con:
        rows = len(report(con, moment, span, dimension))
        return {
            "rows": rows,
            "ms": [_timed(lambda: report(con, moment, span, dimension)) for _ in range(runs)],
        }


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    print(json.dumps(time_readings(Path(sys.argv[1]), int(sys.argv[2]))))
