-- one row per member: the first event of the weeks up to its last one, and how many came in each hour of the week
with asked as (select unnest($members) as number, unnest($lasts) as last_us),

counted as (
    select
        number,
        (epoch_us(occurred_at) // $hour_us % $hours + $hours) % $hours as hour,
        count(*) as events,
        min(epoch_us(occurred_at)) as first_us,
    from internal.events
    join asked on {member} = number
    where occurred_at > make_timestamptz($after_us)
        and epoch_us(occurred_at) > last_us - $back_us and epoch_us(occurred_at) <= last_us
    group by all
)

select number, min(first_us), list(hour), list(events),
from counted
group by number
