"""What each metric means, as the header of its SQL file says it."""

from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.database import stored_definitions
from pipeline.metrics import METRICS, source
from pipeline.page_data.change import SMALLEST_SAMPLE
from pipeline.settings import Definitions
from pipeline.spans import SPANS
from pipeline.sums import DIMENSIONS


def definitions(con: DuckDBPyConnection) -> dict[str, Any]:
    """All that does not change while a worker runs."""
    return {
        "metrics": [{"name": each.name, "kind": each.kind, **header(each.name)} for each in METRICS],
        "spans": list(SPANS),
        "dimensions": list(DIMENSIONS),
        "smallest_sample": SMALLEST_SAMPLE,
        **_settings(stored_definitions(con)),
    }


def header(name: str) -> dict[str, str]:
    """The opening comments of a metric's file, by their first word; its meaning under "meaning".

    >>> header("effort")["unit"], header("effort")["meaning"][:21]
    ('points, 1..7', 'Mean customer effort ')
    """
    lines = [line[3:] for line in source(name).splitlines() if line.startswith("-- ")]
    named = dict(line.split(": ", 1) for line in lines)
    return {"meaning": named.pop(name), **named}


def _settings(meant: Definitions) -> dict[str, Any]:
    return {"follow_up_hours": meant.follow_up_us / 3_600_000_000}
