"""What is measured with: a file of simulated events, made by `firsthand simulate`, kept if asked to be."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bench.processes import firsthand
from pipeline.errors import InputError

SEED = 7
DAYS = 28


@dataclass(frozen=True)
class Setup:
    """How much is measured, and where: `scratch` is emptied at the end, `kept` is not."""

    runs: int
    events: int
    history: int
    hostile: int
    rate: float
    live_rate: float
    seconds: float
    now: datetime
    kept: Path
    scratch: Path

    def place(self, name: str) -> Path:
        """A new folder for one step."""
        place = self.scratch / name
        place.mkdir(parents=True)
        return place


def events_file(setup: Setup) -> Path:
    """28 days of simulated events that end last midnight UTC, so that the worker's windows are full.

    The day is in the name: a file that was kept is used again on the same day only.
    """
    start = setup.now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=DAYS)
    path = setup.kept / f"events-{setup.events}-{start:%Y%m%d}.jsonl"
    if not path.exists():
        arguments = {
            "events": setup.events,
            "seed": SEED,
            "start": start.isoformat(),
            "days": DAYS,
            "to": path,
        }
        options = [text for name, value in arguments.items() for text in (f"--{name}", str(value))]
        firsthand(setup.place("simulate"), "simulate", *options)
    return path


def count_sent(told: str) -> int:
    """How many events the broker acknowledged, by what `firsthand send` printed.

    >>> count_sent("1,000,000 events sent to touchpoints at 127.0.0.1:9092")
    1000000
    """
    match = re.match(r"([\d,]+) events sent", told)
    if match is None:
        raise InputError(f"`firsthand send` printed {told!r}, not how many events it sent")
    return int(match[1].replace(",", ""))
