"""The metrics: one SQL file each, and one line each in METRICS."""

import re
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

_RANGE = re.compile(r"-- unit: .*?(-?\d+)\.\.(\d+)$", re.MULTILINE)
_COLUMN = re.compile(r"\s*(.+?) as (numerator|denominator|squares),\n", re.DOTALL)


class Metric(NamedTuple):
    """A metric's name (and SQL file), what it counts, and how its reading is shaped.

    `kind` decides value and interval (see sql/readings.sql): a share (Wilson), a mean (of scores, or of
    +1/0/-1 as for NPS), or a plain count. `unit` "seconds": sums are kept in milliseconds. `window`
    "settled": moved back by the follow-up F. `counts`: which facts add to it, contacts and what becomes
    of them, or surveys and invitations; others are not looked at when facts are folded. `better`: which
    way is good for customers. `within`: its denominator is a condition, without which no fact adds to
    the numerator either. One that takes back that a contact was resolved need not take back that it was one.
    """

    name: str
    counts: Literal["contacts", "answers"]
    kind: Literal["share", "mean", "count"]
    unit: Literal["", "seconds"] = ""
    window: Literal["rolling", "settled"] = "rolling"
    better: Literal["higher", "lower"] = "higher"
    within: bool = True


METRICS = (
    Metric("contacts", "contacts", "count"),
    Metric("csat", "answers", "share"),
    Metric("csat_mean", "answers", "mean"),
    Metric("effort", "answers", "mean"),
    Metric("effort_easy", "answers", "share"),
    Metric("nps", "answers", "mean"),
    Metric("friendliness", "answers", "share"),
    Metric("fcr", "contacts", "share", within=False),
    Metric("fcr_settled", "contacts", "share", window="settled", within=False),
    Metric("fcr_survey", "answers", "share"),
    Metric("one_contact", "contacts", "share", within=False),
    Metric("abandonment", "contacts", "share", better="lower"),
    Metric("wait_mean", "contacts", "mean", unit="seconds", better="lower"),
    Metric("handle_mean", "contacts", "mean", unit="seconds", better="lower"),
    Metric("service_level", "contacts", "share"),
    Metric("response_rate", "answers", "share", within=False),
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


@cache
def limits_of(name: str) -> tuple[float, float]:
    """The least and the most that a metric's value can be, from its file; counts and seconds have no most.

    >>> limits_of("nps"), limits_of("wait_mean")
    ((-1.0, 1.0), (0.0, inf))
    """
    found = _RANGE.search(source(name))
    return (float(found[1]), float(found[2])) if found else (0.0, float("inf"))
