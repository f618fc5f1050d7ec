"""What the default rules cost: python -m bench.time_rules EVENTS DB [RULES]. Prints JSON, CPU seconds.

The events are stored as fast as they can be, as a worker stores them, and the rules look meanwhile in a
thread of their own, as they do beside a worker; what is left at the end, they find then.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from pipeline.alerting.rules_file import rules_of
from pipeline.alerting.watcher import RuleWatcher, Watching
from pipeline.commands.options import clock
from pipeline.database import built_anew
from pipeline.replay import read_lines
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store

RECORDS = 50_000


def time_rules(events: Path, path: Path, rules: Path | None) -> dict[str, Any]:
    """CPU seconds of storing and of the rules, and how many flips they said."""
    asked = rules_of(rules).rules
    with built_anew(path, Definitions(), create_schema, overwrite=True) as con, Store(con) as store:
        watcher = _Timed(store, asked, clock, with_clock=False)
        consumed = 0
        with Watching(lambda: watcher, clock, print, _fail):
            began = time.thread_time()
            for batch in read_lines(events, RECORDS):
                consumed += store.ingest([batch], clock()).consumed
            storing = time.thread_time() - began
        watcher.finish(clock())
        with store.reading() as reader:
            (flips,) = reader.execute("select count(*) from flips").fetchall()[0]
    return {
        "consumed": consumed,
        "storing_s": storing,
        "rules_s": watcher.cpu_s,
        "looks": watcher.looks,
        "flips": flips,
    }


class _Timed(RuleWatcher):
    """Counts what it takes, in whichever thread."""

    cpu_s = 0.0
    looks = 0
    _is_counted = False

    def step(self) -> float:
        """A look or none, counted."""
        with self._counted():
            return super().step()

    def advance(self, until: datetime) -> bool:
        """One stretch further, counted."""
        self.looks += 1
        with self._counted():
            return super().advance(until)

    def record(self, until: datetime) -> None:
        """Say what is new, counted."""
        with self._counted():
            super().record(until)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        if self._is_counted:  # a step, which this is part of
            yield
            return
        self._is_counted, began = True, time.thread_time()
        try:
            yield
        finally:
            self._is_counted = False
            self.cpu_s += time.thread_time() - began


def _fail() -> None:
    raise BenchError("the rules failed")


if __name__ == "__main__":
    rules_file = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    print(json.dumps(time_rules(Path(sys.argv[1]), Path(sys.argv[2]), rules_file)))
