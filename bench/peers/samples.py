"""What is run on: simulated events in topics of the embedded broker, and the totals that must come out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path

from bench.errors import BenchError
from bench.inputs import SEED, count_sent
from bench.peers.expectation import Totals, accepted_once, expect
from bench.processes import FIRSTHAND, firsthand, run

ALL, SLOW, FEW = "touchpoints", "touchpoints-slow", "touchpoints-few"
FEW_RECORDS = 1_000


@dataclass(frozen=True)
class Sample:
    """The first so many events, on a topic of 4 partitions and in a file.

    `totals` are those of the rule for peers, `accepted` those of the events that firsthand must accept.
    """

    topic: str
    file: Path
    records: int
    totals: Totals
    accepted: Totals


@dataclass(frozen=True)
class Sizes:
    """How many events there are in all, how many of them slow peers get, over how many days."""

    events: int
    slow_events: int
    days: float


def samples(bootstrap: str, sizes: Sizes, now: datetime, place: Path) -> Mapping[str, Sample]:
    """Simulate events that end last midnight UTC, and send them, and the first of them, by topic."""
    start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=sizes.days)
    file = place / "all.jsonl"
    number, days = str(sizes.events), str(sizes.days)
    when = ("--start", start.isoformat(), "--days", days)
    firsthand(place, "simulate", "--events", number, "--seed", str(SEED), *when, "--to", str(file))
    records = {ALL: sizes.events, SLOW: sizes.slow_events, FEW: FEW_RECORDS}
    return {
        topic: _sample(bootstrap, topic, file, min(many, sizes.events)) for topic, many in records.items()
    }


def _sample(bootstrap: str, topic: str, file: Path, records: int) -> Sample:
    first = file.with_name(f"{topic}.jsonl")
    with file.open("rb") as events:
        lines = list(islice(events, records))
    first.write_bytes(b"".join(lines))
    argv = [*FIRSTHAND, "send", str(first), "--kafka", bootstrap]
    sent = count_sent(run(argv, file.parent, {"FIRSTHAND_TOPIC": topic})[1])
    if sent != len(lines):
        raise BenchError(f"{len(lines):,} events were to be sent to {topic}, {sent:,} were")
    return Sample(topic, first, sent, expect(lines), expect(lines, accepted_once()))
