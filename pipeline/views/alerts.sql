-- one row per alert: where it stands, by the last flip of each state, but for those that another one revises
create or replace view alerts as
with last_of_state as (
    select *
    from flips
    where flip not in (select revises from flips where revises is not null)
    qualify row_number() over (partition by alert, state order by number desc) = 1
),

standing as (
    select *,
        min(occurred_at) filter (state <> 'retracted') over alerts as began_at,
        max(occurred_at) filter (state = 'firing') over alerts as firing_at,
        list_position(['pending', 'firing', 'resolved', 'retracted'], state) as progress,
    from last_of_state
    window alerts as (partition by alert)
)

select
    alert, rule, kind, severity, metric, dimension, member, state, began_at, firing_at,
    if(state in ('resolved', 'retracted'), occurred_at, null) as ended_at,
    because, since, numerator, denominator, value, low, high, baseline, false_alarm_every, query, contributors,
    inhibited_by, labels, annotations,
from standing
qualify row_number() over (partition by alert order by progress desc, number desc) = 1;
