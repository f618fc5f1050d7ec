"""docs/peers.md: the tables, and the words that they need to be read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.peers import expectation, report
from bench.peers.contestants import BY_HAND
from bench.peers.outcome import Standing
from bench.peers.samples import FEW_RECORDS, Sample, Sizes

TEXT = Path(__file__).with_name("text.md").read_text(encoding="utf-8")
RULE = str(expectation.__doc__).partition("\n\n")[2].strip()


@dataclass(frozen=True)
class Occasion:
    """When it was measured, how often, and on what (`bench.machine.facts`)."""

    at: datetime
    runs: int
    machine: Mapping[str, Any]


def page(found: Mapping[str, Standing], sample: Sample, sizes: Sizes, occasion: Occasion) -> str:
    """The whole text; `sample` is that of all events."""
    return TEXT.format(
        day=f"{occasion.at:%Y-%m-%d}",
        machine=_machine(occasion.machine),
        rounds="1 round" if occasion.runs == 1 else f"{occasion.runs} rounds",
        by_hand=BY_HAND.name,
        table=report.standings(found, occasion.machine["firsthand"]),
        duties=report.duties(found),
        events=f"{sample.records:,}",
        days="a day" if sizes.days == 1 else f"{sizes.days:g} days",
        rule=RULE,
        counted=f"{sum(sums[0] for sums in sample.totals.values()):,}",
        groups=f"{len(sample.totals):,}",
        slow_events=f"{min(sizes.slow_events, sizes.events):,}",
        few_events=f"{FEW_RECORDS:,}",
    )


def _machine(facts: Mapping[str, Any]) -> str:
    engines = f"Python {facts['python']}, DuckDB {facts['duckdb']}"
    return (
        f"{facts['cores']} cores of {facts['cpu']}, {facts['memory_gib']} GiB, {facts['system']}, {engines}"
    )
