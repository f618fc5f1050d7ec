-- one row per alert: where it stands now, by its last flip
create or replace view alerts as
with told as (
    select *, first_value(occurred_at) over every_flip as began_at,
        max(occurred_at) filter (state = 'firing') over every_flip as firing_at,
    from flips
    window every_flip as (partition by alert order by number rows between unbounded preceding and unbounded following)
)

select
    alert, rule, kind, severity, metric, dimension, member, state, began_at, firing_at,
    if(state in ('resolved', 'retracted'), occurred_at, null) as ended_at,
    because, since, numerator, denominator, value, low, high, baseline, false_alarm_every, query, contributors,
    inhibited_by, labels, annotations,
from told
qualify row_number() over (partition by alert order by number desc) = 1;
