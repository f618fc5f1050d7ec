"""Every metric of one member: its reading, and that of the window before."""

from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.metrics import METRICS
from pipeline.page_data.asked import Asked
from pipeline.page_data.change import compared
from pipeline.page_data.current import at_one_moment, now, then
from pipeline.page_data.moments import written


def overview(con: DuckDBPyConnection, asked: Asked) -> dict[str, Any]:
    """A row for each metric, also where the window holds nothing of it."""
    with at_one_moment(con) as as_of:
        if as_of is None:
            return {"as_of": None, "rows": []}
        before = asked.before(as_of)
        of_member = ("member = $member", {"member": asked.member})
        current = now(con, asked.span, asked.by, of_member[0], **of_member[1])
        previous = then(con, before, asked.span, asked.by, of_member[0], **of_member[1])
    by_name = {each.metric: each for each in current}
    earlier = {each.metric: each for each in previous}
    return {
        "as_of": written(as_of),
        "before": written(before),
        "rows": [
            {"metric": each.name, **compared(by_name.get(each.name), earlier.get(each.name))}
            for each in METRICS
        ],
    }
