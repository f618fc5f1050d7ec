"""The members of a dimension by one metric: the largest, the lowest or the highest of them."""

from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.page_data.asked import Asked
from pipeline.page_data.change import SMALLEST_SAMPLE, compared
from pipeline.page_data.current import at_one_moment, now, then
from pipeline.page_data.moments import written

MOST = 50
"""Members told at once: who looks for another writes a part of its name."""

_ORDERS = {
    "volume": "{sample} desc, member",
    "lowest": "value, {sample} desc, member",
    "highest": "value desc, {sample} desc, member",
}


def members(con: DuckDBPyConnection, asked: Asked) -> dict[str, Any]:
    """At most MOST members, each beside the window before, and how many there are.

    By value, only those with enough to compare: the extremes would be the small ones.
    """
    with at_one_moment(con) as as_of:
        if as_of is None:
            return {"as_of": None, "rows": [], "found": 0, "all": 0}
        where, values = _condition(asked)
        order = _ORDERS[asked.order].format(sample=_sample(asked))
        shown = now(con, asked.span, asked.by, f"{where} order by {order} limit {MOST}", **values)
        before = asked.before(as_of)
        kept = {"metric": asked.metric, "members": [each.member for each in shown]}
        here = "metric = $metric and list_contains($members, member)"
        earlier = {each.member: each for each in then(con, before, asked.span, asked.by, here, **kept)}
        found = _count(con, asked, where, values)
        everyone = _count(con, asked, "metric = $metric", {"metric": asked.metric})
    return {
        "as_of": written(as_of),
        "before": written(before),
        "found": found,
        "all": everyone,
        "rows": [{"member": each.member, **compared(each, earlier.get(each.member))} for each in shown],
    }


def _condition(asked: Asked) -> tuple[str, dict[str, object]]:
    where = "metric = $metric and contains(lower(member), lower($find))"
    if asked.order != "volume":
        where += f" and {_sample(asked)} >= {SMALLEST_SAMPLE}"
    return where, {"metric": asked.metric, "find": asked.find}


def _sample(asked: Asked) -> str:
    return "numerator" if asked.kind.kind == "count" else "denominator"


def _count(con: DuckDBPyConnection, asked: Asked, where: str, values: dict[str, object]) -> int:
    query = f"select count(*) from metrics where span = $span and dimension = $by and {where}"
    found: int = one(con, query, {"span": asked.span, "by": asked.by, **values})
    return found
