"""A small database of contract section 3, right in every respect, to be broken by test_checks.py.

Its tables lack the constraints of the real ones: the checks must see what a constraint would refuse.
"""

from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.database import SCHEMA_VERSION
from pipeline.spans import SPANS, microseconds
from pipeline.sums import DIMENSIONS

AS_OF = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)

TABLES = """
create schema internal;
create table internal.definitions as select {version} as schema_version;
create table internal.events (
    source varchar, id varchar, type varchar, occurred_at timestamptz, ingested_at timestamptz,
    customer_id varchar, contact_id varchar, channel varchar, direction varchar, handled_by varchar,
    outcome varchar, reason varchar, agent_id varchar, team varchar, segment varchar, stage varchar,
    wait_s decimal(11, 3), handle_s decimal(11, 3), csat utinyint, effort utinyint, nps utinyint,
    friendliness utinyint, resolved boolean, comment varchar,
    topic varchar, partition integer, "offset" bigint
);
create view touchpoints as from internal.events;
create table rejections (
    topic varchar, partition integer, "offset" bigint, reason varchar, detail varchar, key blob,
    payload blob, rejected_at timestamptz
);
create table watermarks (
    topic varchar, partition integer, next_offset bigint, consumed bigint, accepted bigint,
    duplicates bigint, rejected bigint, tombstones bigint
);
create table metrics (
    metric varchar, span varchar, dimension varchar, member varchar, as_of timestamptz,
    numerator decimal(18, 3), denominator bigint, value double, low double, high double
);
"""

# 120 events in each of the hours up to 10:00 today and a week ago, and 40 in the last half hour
EVENTS = """
insert into internal.events by name
select
    'desk' as source,
    'event ' || n as id,
    ['touchpoint.contact.v1', 'touchpoint.survey.v1', 'touchpoint.invitation.v1', 'touchpoint.reopen.v1'][
        1 + n % 4
    ] as type,
    case when n < 120 then timestamptz '2026-11-14 09:00:00+00' + to_seconds((n + 1) * 30)
        else timestamptz '2026-11-21 09:00:00+00' + to_seconds((n - 119) * 30) end as occurred_at,
    occurred_at + to_seconds(2) as ingested_at,
    'customer ' || n % 50 as customer_id,
    'contact ' || n // 4 as contact_id,
    case when type <> 'touchpoint.reopen.v1' then ['phone', 'chat'][1 + n // 4 % 2] end as channel,
    case when n % 4 = 0 then 'inbound' end as direction,
    case when n % 4 = 0 then 'human' end as handled_by,
    case when n % 4 = 0 then 'resolved' end as outcome,
    ['bill', null][1 + n // 4 % 2] as reason,
    ['Ana', 'Bo', null][1 + n // 4 % 3] as agent_id,
    'purchase' as stage,
    case when n % 4 = 0 then n % 60 end as wait_s,
    case when n % 4 = 0 then 200 end as handle_s,
    case when n % 4 = 1 then 1 + n // 4 % 5 end as csat,
    case when n % 4 = 1 then 1 + n // 4 % 7 end as effort,
    case when n % 4 = 1 then n // 4 % 11 end as nps,
    case when n % 4 = 1 then 1 + n // 4 % 5 end as friendliness,
    'touchpoints' as topic,
    n % 2 as partition,
    n // 2 as "offset"
from range(280) as events(n)
"""

REJECTIONS = """
insert into rejections
select 'touchpoints', n % 2, 1000 + n, 'not_json', 'line 1', null, '{'::blob, '2026-11-21 10:00:00+00'
from range(4) as records(n)
"""

WATERMARKS = """
insert into watermarks
select 'touchpoints', partition, 1002, 150, 140, 5, 2, 3 from range(2) as partitions(partition)
"""

READINGS = """
insert into metrics
with spans(span, microseconds) as (values {spans}),
dimensions(dimension) as (values {dimensions}),
windowed as (
    select *, coalesce(case dimension {members} end, '(none)') as member
    from touchpoints, spans, dimensions
    where occurred_at > $as_of::timestamptz - to_microseconds(microseconds) and occurred_at <= $as_of
),
sums as (
    select
        span, dimension, member,
        unnest([
            {{metric: 'contacts', numerator: count(*) filter (direction = 'inbound'), denominator: 1}},
            {{metric: 'csat', numerator: count(*) filter (csat >= 4), denominator: count(csat)}},
            {{metric: 'csat_mean', numerator: sum(csat), denominator: count(csat)}},
            {{metric: 'effort', numerator: sum(effort), denominator: count(effort)}},
            {{metric: 'nps', numerator: count(*) filter (nps >= 9) - count(*) filter (nps <= 6),
                denominator: count(nps)}},
            {{metric: 'response_rate', numerator: count(*) filter (type like '%survey%'),
                denominator: count(*) filter (type like '%invitation%')}},
            {{metric: 'wait_mean', numerator: sum(wait_s), denominator: count(wait_s)}},
        ], recursive := true)
    from windowed
    group by span, dimension, member
)
select
    metric, span, dimension, member, $as_of::timestamptz, numerator, denominator,
    numerator::double / denominator as value,
    if(metric = 'contacts', null, value - 0.1), if(metric = 'contacts', null, value + 0.1)
from sums
where denominator > 0 and (metric <> 'contacts' or numerator > 0)
"""


def make_database(path: Path) -> None:
    """A database file in which every expectation holds as of AS_OF."""
    make_empty_database(path)
    with duckdb.connect(str(path)) as con:
        for statement in (EVENTS, REJECTIONS, WATERMARKS):
            con.execute(statement)
        con.execute(_readings(), {"as_of": AS_OF})


def make_empty_database(path: Path) -> None:
    """The tables without a row."""
    with duckdb.connect(str(path)) as con:
        con.execute(TABLES.format(version=SCHEMA_VERSION))


def _readings() -> str:
    return READINGS.format(
        spans=", ".join(f"('{span}', {microseconds(span)})" for span in SPANS),
        dimensions=", ".join(f"('{dimension}')" for dimension in DIMENSIONS),
        members=" ".join(
            f"when '{dimension}' then {'agent_id' if dimension == 'agent' else dimension}"
            for dimension in DIMENSIONS
            if dimension != "all"
        )
        + " else 'all'",
    )
