"""A process that finds all alerts of a database: python evaluating_process.py DB RULES. Says its memory."""

import json
import sys
from pathlib import Path

from deliveries import new_store

from pipeline.alerting.rules_file import read_rules
from pipeline.alerting.watcher import find_all
from pipeline.commands.options import clock


def most_mb() -> float:
    """The most memory that this process ever had. Not getrusage: that begins with what its parent had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = [each for each in lines if each.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    asked = read_rules(Path(sys.argv[2]))
    with new_store(Path(sys.argv[1])) as store:
        before = most_mb()
        find_all(store, asked, clock())
        after = most_mb()
    json.dump({"before_mb": before, "grown_mb": after - before}, sys.stdout)
