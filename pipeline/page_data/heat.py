"""One metric by channel and reason at once, between the totals of both."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.metrics import quantities
from pipeline.page_data.asked import Asked
from pipeline.page_data.change import SMALLEST_SAMPLE, apart, sample, told
from pipeline.page_data.current import at_one_moment, now
from pipeline.page_data.moments import written
from pipeline.readings import channel_by_reason
from pipeline.report import Reading
from pipeline.sums import needed

CELL = "channel by reason"


def heat(con: DuckDBPyConnection, asked: Asked) -> dict[str, Any]:
    """The cells, the totals by channel and by reason (largest first), and the one over all.

    A cell with too small a sample keeps its size only; the others say whether they are above or below
    the value over all by more than chance.
    """
    with at_one_moment(con) as as_of:
        if as_of is None:
            return {"as_of": None, "cells": [], "channels": [], "reasons": [], "all": None}
        cells = [
            ((channel, reason), Reading(asked.metric, asked.span, CELL, channel, as_of, *figures))
            for channel, reason, *figures in by_two(con, asked, as_of)
        ]
        everything = next(iter(_of(con, asked, "all")), None)
        channels, reasons = (_of(con, asked, by) for by in ("channel", "reason"))
    return {
        "as_of": written(as_of),
        "all": told(everything),
        "channels": [_total(each, asked) for each in channels],
        "reasons": [_total(each, asked) for each in reasons],
        "cells": [
            {"channel": channel, "reason": reason, **_cell(reading, everything, asked)}
            for (channel, reason), reading in cells
        ],
    }


def by_two(con: DuckDBPyConnection, asked: Asked, as_of: datetime) -> list[tuple[Any, ...]]:
    """Rows of channel, reason, numerator, denominator, value, low and high."""
    columns = [
        name for name in needed(con, dict.fromkeys(quantities(asked.metric).values(), "")) if name != "sign"
    ]
    query = channel_by_reason(asked.kind, ", ".join(columns))
    return con.execute(query, {"as_of": as_of, "span": asked.span}).fetchall()


def _of(con: DuckDBPyConnection, asked: Asked, by: str) -> Sequence[Reading]:
    found = now(con, asked.span, by, "metric = $metric", metric=asked.metric)
    return sorted(found, key=lambda each: (-sample(each, asked.kind.kind), each.member))


def _total(reading: Reading, asked: Asked) -> dict[str, Any]:
    return {"member": reading.member, "n": sample(reading, asked.kind.kind), "now": told(reading)}


def _cell(reading: Reading, everything: Reading | None, asked: Asked) -> dict[str, Any]:
    n = sample(reading, asked.kind.kind)
    if asked.kind.kind != "count" and n < SMALLEST_SAMPLE:
        return {"n": n, "now": None, "side": None}
    side = None
    if everything and apart(reading, everything):
        side = "above" if reading.value > everything.value else "below"
    return {"n": n, "now": told(reading), "side": side}
