"""Whether what a contestant left in its DuckDB file is exactly what it must be."""

from pathlib import Path

import duckdb

from bench.peers.expectation import Totals

EXACT = "exact"
OF_A_PEER = """
select minute, channel, reason, touchpoints, waits, wait_ms, csats, csat_sum, efforts, effort_sum
from totals
"""
OF_FIRSTHAND = """
select
    strftime(occurred_at at time zone 'UTC', '%Y-%m-%dT%H:%M'),
    channel,
    reason,
    count(*),
    count(wait_s),
    coalesce(sum((wait_s * 1000)::decimal(18, 3)), 0)::bigint,
    count(csat),
    coalesce(sum(csat), 0),
    count(effort),
    coalesce(sum(effort), 0),
from touchpoints
where type in ('touchpoint.contact.v1', 'touchpoint.survey.v1', 'touchpoint.invitation.v1')
group by all
"""


def compare(database: Path, query: str, expected: Totals) -> str:
    """EXACT, or what is wrong."""
    with duckdb.connect(str(database), read_only=True) as connection:
        rows = connection.execute(query).fetchall()
    found = {row[:3]: tuple(int(each or 0) for each in row[3:]) for row in rows}
    wrong = sum(found.get(key) != expected.get(key) for key in found.keys() | expected.keys())
    if len(found) != len(rows):
        return f"wrong: {len(rows) - len(found):,} groups twice"
    return f"wrong: {wrong:,} of {len(expected):,} groups" if wrong else EXACT


def compare_count(database: Path, expected: int) -> str:
    """EXACT, or what is wrong, where only records were counted."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute("select sum(records) from counted").fetchall()[0][0]
    return EXACT if found == expected else f"wrong: {found:,} of {expected:,} records"
