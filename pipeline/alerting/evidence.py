"""The evidence of an alert: its figures, who brought the most of it, and a query that gives its events."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.evaluation.change import DAY_US, HISTORY_DAYS
from pipeline.alerting.evaluation.stream import anything
from pipeline.alerting.rules import METRICS_BY_NAME, OfMetric
from pipeline.fields import CONTACT, INVITATION, SURVEY
from pipeline.metrics import limits_of, quantities
from pipeline.readings import UNITS, WINDOWS
from pipeline.sql import fill, load
from pipeline.sums import CELL_DIMENSIONS, needed

LEAST_SHARE = 0.2
MOST_CONTRIBUTORS = 3
"""Members are named that brought so much more of a fall than of the answers, and no more of them."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Figures(NamedTuple):
    """The metric over the answers of the evidence."""

    numerator: Decimal
    denominator: int
    value: float
    low: float | None
    high: float | None


class Contributor(NamedTuple):
    """A member of another dimension, and its share of what is worse than usual."""

    dimension: str
    member: str
    share: float


def figures(
    con: DuckDBPyConnection, rule: OfMetric, member: int, since_us: int, until_us: int
) -> Figures | None:
    """The metric over one member's answers from one moment to the other, both included."""
    metric = METRICS_BY_NAME[rule.metric]
    parts = quantities(rule.metric)
    sums = (
        f"coalesce(sum(sign * ({parts[name]})::hugeint), 0) as {name}, "
        if name in parts
        else f"{else_} as {name}, "
        for name, else_ in (("numerator", "0"), ("denominator", "1"), ("squares", "null::hugeint"))
    )
    found = con.execute(
        fill(
            "alert_evidence",
            facts=_facts(con, rule),
            anything=anything([rule.metric]),
            kind=metric.kind,
            unit=UNITS[metric.unit],
            sums="".join(sums),
            figures=load("figures").rstrip(),
        ),
        {"since_us": since_us, "until_us": until_us, **_member(rule, member)},
    ).fetchone()
    return Figures(*found) if found else None


def contributors(
    con: DuckDBPyConnection, rule: OfMetric, member: int, since_us: int, until_us: int
) -> list[Contributor]:
    """The members of other dimensions that brought the most of a fall between two moments."""
    parts = quantities(rule.metric)
    if "denominator" not in parts or rule.metric == "response_rate":
        return []
    others = {name: column for name, column in CELL_DIMENSIONS.items() if name != rule.by}
    query = fill(
        "alert_contributors",
        facts=_facts(con, rule),
        anything=anything([rule.metric]),
        bad=_bad(rule.metric),
        denominator=parts["denominator"],
        dimension_of=" ".join(f"when grouping({column}) = 0 then '{name}'" for name, column in others.items())
        + " else 'all'",
        members=", ".join(others.values()),
        sets=", ".join(f"({column})" for column in others.values()),
    )
    asked = {
        "since_us": since_us - HISTORY_DAYS * DAY_US,
        "began_us": since_us,
        "until_us": until_us,
        "least": LEAST_SHARE,
        "most": MOST_CONTRIBUTORS,
    }
    return [Contributor(*row) for row in con.execute(query, {**asked, **_member(rule, member)}).fetchall()]


def _bad(metric: str) -> str:
    """How bad a fact's answer is, as SQL: the more the worse."""
    parts, asked = quantities(metric), METRICS_BY_NAME[metric]
    if asked.better == "lower":
        return parts["numerator"]
    best = 1 if asked.kind == "share" else int(limits_of(metric)[1])
    return f"{best} * ({parts['denominator']})::bigint - coalesce(({parts['numerator']})::bigint, 0)"


def _facts(con: DuckDBPyConnection, rule: OfMetric) -> str:
    columns = needed(con, quantities(rule.metric).values())
    return fill(
        "alert_stretch",
        after_us="$since_us - 1",
        until_us="$until_us",
        fact_columns=", ".join(columns),
        back=WINDOWS[METRICS_BY_NAME[rule.metric].window],
        of_member="true" if rule.by == "all" else f"{CELL_DIMENSIONS[rule.by]} = $member",
    )


def _member(rule: OfMetric, member: int) -> dict[str, int]:
    return {} if rule.by == "all" else {"member": member}


def query_of(rule: OfMetric, member: str, since_us: int, until_us: int, follow_up_us: int) -> str:
    """SQL over the public tables that gives the events of the evidence; what is settled began F earlier.

    >>> from pipeline.alerting.rules import Threshold
    >>> rule = Threshold(name="low", kind="threshold", metric="csat", by="channel", span="1h", below=0.8)
    >>> print(query_of(rule, "phone", 0, 60_000_000, 0))
    select * from touchpoints as event
    where type = 'touchpoint.survey.v1'
        and (csat is not null)
        and occurred_at between '1970-01-01 00:00:00+00:00' and '1970-01-01 00:01:00+00:00'
        and channel = 'phone'
    order by occurred_at
    """
    metric = METRICS_BY_NAME[rule.metric]
    parts = quantities(rule.metric)
    counts = parts.get("denominator", "true")
    if "first_contacts" in counts:
        back = follow_up_us if metric.window == "settled" else 0
        between = _between("occurred_at", since_us - back, until_us - back)
        return _written("contacts", ["is_first_contact", between], rule, member)
    table, types = "touchpoints as event", f"type = '{CONTACT}' and direction = 'inbound'"
    if metric.counts == "answers":
        both = "kind" in counts
        types = f"type in ('{SURVEY}', '{INVITATION}')" if both else f"type = '{SURVEY}'"
        counts = "true" if both else counts
    counts = re.sub(r"\b(wait|handle)_ms\b", r"\1_s", counts)
    return _written(table, [types, f"({counts})", _between("occurred_at", since_us, until_us)], rule, member)


def _between(column: str, since_us: int, until_us: int) -> str:
    return f"{column} between '{_moment(since_us)}' and '{_moment(until_us)}'"


def _written(table: str, conditions: list[str], rule: OfMetric, member: str) -> str:
    if rule.by != "all":
        conditions.append(_of_member(rule, member))
    return f"select * from {table}\nwhere " + "\n    and ".join(conditions) + "\norder by occurred_at"


def _of_member(rule: OfMetric, member: str) -> str:
    column = CELL_DIMENSIONS[rule.by]
    text = "null" if member == "(none)" else "'" + member.replace("'", "''") + "'"
    if METRICS_BY_NAME[rule.metric].counts == "contacts" or rule.by == "channel":
        return f"{column} {'is' if text == 'null' else '='} {text}"
    # an answer takes what it leaves out from its contact
    contact = (
        f"(select min_by({column}, occurred_at) from touchpoints as contact "
        f"where contact.type = '{CONTACT}' and contact.contact_id = event.contact_id)"
    )
    return f"coalesce({column}, {contact}) is not distinct from {text}"


def _moment(us: int) -> str:
    return (EPOCH + timedelta(microseconds=us)).isoformat(sep=" ")
