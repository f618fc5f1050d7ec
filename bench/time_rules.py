"""What the default rules cost: python -m bench.time_rules EVENTS DB [RULES]. Prints JSON, CPU seconds.

The events are stored as a worker stores them, some ten thousand a transaction, and after each one the rules
look, as they do every second of a worker at full speed. Each has its thread's CPU time counted.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

from pipeline.alerting.rules_file import rules_of
from pipeline.alerting.watcher import RuleWatcher
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
    storing = looking = 0.0
    with built_anew(path, Definitions(), create_schema, overwrite=True) as con, Store(con) as store:
        watcher = RuleWatcher(store, asked, clock, with_clock=False)
        consumed = 0
        for batch in read_lines(events, RECORDS):
            began = time.thread_time()
            consumed += store.ingest([batch], clock()).consumed
            stored = time.thread_time()
            if (latest := store.latest_occurrence()) is not None:
                watcher.finish(latest)
            looking += time.thread_time() - stored
            storing += stored - began
        with store.reading() as reader:
            (flips,) = reader.execute("select count(*) from flips").fetchall()[0]
    return {"consumed": consumed, "storing_s": storing, "rules_s": looking, "flips": flips}


if __name__ == "__main__":
    rules_file = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    print(json.dumps(time_rules(Path(sys.argv[1]), Path(sys.argv[2]), rules_file)))
