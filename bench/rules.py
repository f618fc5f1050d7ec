"""(g) What the default alert rules cost beside storing the events that they look at."""

import json

from bench.figures import Figure, Part
from bench.inputs import Setup, events_file
from bench.processes import module

MOST_CPU_S = 0.5


def measure_rules(setup: Setup) -> Part:
    """Each run is a new process and a new database; the rules look beside it, as they do in a worker."""
    file = events_file(setup)
    runs = []
    for number in range(setup.runs):
        place = setup.place(f"g-{number}")
        runs.append(json.loads(module(place, "time_rules", str(file), str(place / "rules.duckdb"))[1]))
    return Part(
        f"default rules over {setup.events:,} events of 28 days",
        [
            Figure(
                "rules, CPU per million events",
                "s",
                [run["rules_s"] / run["consumed"] * 1e6 for run in runs],
                MOST_CPU_S,
            ),
            Figure(
                "storing, CPU per million events",
                "s",
                [run["storing_s"] / run["consumed"] * 1e6 for run in runs],
            ),
            Figure("flips said", "", [run["flips"] for run in runs]),
            Figure("stretches looked at", "", [run["looks"] for run in runs]),
        ],
        {"rules": "pipeline/alerting/default_rules.yaml"},
    )
