"""The metrics: one SQL file each, and one line each in METRICS."""

import re
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

_COLUMN = re.compile(r"\s*(.+?) as (numerator|denominator|squares),\n", re.DOTALL)


class Metric(NamedTuple):
    """A metric's name (and SQL file) and how its reading is shaped.

    `kind` decides value and interval (see sql/readings.sql): a share (Wilson), a mean (of scores, or of
    +1/0/-1 as for NPS), or a plain count. `unit` "seconds": sums are kept in milliseconds. `window`
    "settled": moved back by the follow-up F.
    """

    name: str
    kind: Literal["share", "mean", "count"]
    unit: Literal["", "seconds"] = ""
    window: Literal["rolling", "settled"] = "rolling"


METRICS = (
    Metric("contacts", "count"),
    Metric("csat", "share"),
    Metric("csat_mean", "mean"),
    Metric("effort", "mean"),
    Metric("effort_easy", "share"),
    Metric("nps", "mean"),
    Metric("friendliness", "share"),
    Metric("fcr", "share"),
    Metric("fcr_settled", "share", window="settled"),
    Metric("fcr_survey", "share"),
    Metric("one_contact", "share"),
    Metric("abandonment", "share"),
    Metric("wait_mean", "mean", unit="seconds"),
    Metric("handle_mean", "mean", unit="seconds"),
    Metric("service_level", "share"),
    Metric("response_rate", "share"),
)


@cache
def source(name: str) -> str:
    """The metric's SQL file: its definition in words, and a select over one `fact`."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def quantities(name: str) -> dict[str, str]:
    """What one fact adds to the metric's sums, by sum, as SQL.

    >>> quantities("csat")
    {'numerator': 'csat >= 4', 'denominator': 'csat is not null'}
    """
    _, select, columns = source(name).partition("select\n")
    body, ending, _ = columns.rpartition("from fact\n")
    found = {alias: expression for expression, alias in _COLUMN.findall(body)}
    if not select or not ending or "numerator" not in found:
        raise ValueError(f"{name}.sql: expected 'select', lines of '<expression> as numerator,', 'from fact'")
    return found
