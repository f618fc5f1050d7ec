-- one row: the metric over one member's answers of a stretch of time, both ends included
with fact as (
    {facts}
),

counted as (
    select
        '{kind}' as kind,
        {unit} as unit,
        {sums}
    from fact
    where {anything}
)

select {figures}
from counted
where denominator > 0
