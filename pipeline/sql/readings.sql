-- one row per metric x member, from the sums of the windows (and, moved back by F, of the settled ones)
-- value = numerator / denominator; low, high: 95 % interval, null where there is none
with {edges}

spans as (
    {spans}
),

dims as (
    {dims}
),

{late}

{sums}
sums as (
    select
        coalesce(rolling.span, settled.span) as span,
        coalesce(rolling.dim, settled.dim) as dim,
        coalesce(rolling.member, settled.member) as member,
        [{numerators}] as numerators,
        [{denominators}] as denominators,
        [{squares}] as squares,
    from rolling
    full join settled using (span, dim, member)
),

counted as (
    select
        metric,
        span,
        dim,
        member,
        kind,
        unit,
        numerators[position] as numerator,
        denominators[position] as denominator,
        squares[position] as squares,
    from sums, (values {metrics}) as metrics (position, metric, kind, unit)
    where if(kind = 'count', numerators[position], denominators[position]) > 0
)

select
    metric,
    span::varchar as span,
    dim as dimension,
    names.name as member,
    {as_of} as as_of,
    {figures}
from counted
inner join internal.names as names on names.number = counted.member
cross join edges
