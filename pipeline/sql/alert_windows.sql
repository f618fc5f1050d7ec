-- one row per moment of a grid and member worth judging, with anything in its window or in those that it is
-- compared with: the metric over (moment - span, moment], and its sums over the same windows some weeks before
-- the grid is numbered in steps from 0001-01-01, so that integer division is a floor
with fact as (
    {facts}
),

steps as (
    select
        {member} as member,
        (at_us + 62135596800000000 + $step_us - 1) // $step_us as step,
        {sums}
    from fact
    where {anything}
    group by all
),

-- a step lies in the windows of the moments that follow it
spans as (
    select
        member,
        step + ahead as moment,
        sum(numerator) as numerator,
        sum(denominator) as denominator,
        sum(squares) as squares,
        bool_or({counts}) as counts,
    from steps, range($steps) as aheads (ahead)
    group by all
),

-- and a window, weeks later, is what others are compared with
counted as (
    select
        member,
        (moment + week * (604800000000 // $step_us)) * $step_us - 62135596800000000 as moment_us,
        '{kind}' as kind,
        {unit} as unit,
        coalesce(sum(numerator) filter (week = 0), 0) as numerator,
        {denominator} as denominator,
        sum(squares) filter (week = 0) as squares,
        coalesce(sum(numerator) filter (week > 0), 0) as usual_numerator,
        coalesce(sum(denominator) filter (week > 0), 0) as usual_denominator,
        count(*) filter (week > 0 and counts) as weeks,
    from spans, (select unnest($weeks::bigint[]) as week)
    where moment_us > $after_us and moment_us <= $until_us
    group by all
)

select
    moment_us,
    member,
    (usual_numerator * unit)::double as usual_numerator,
    usual_denominator,
    weeks,
    {figures}
from counted
where {worth_judging}
order by moment_us, member
