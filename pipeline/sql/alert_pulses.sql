-- one row per member and hour of the week: how many events of the last weeks came in it, the first and the last
select
    {member} as member,
    (epoch_us(occurred_at) // $hour_us % $hours + $hours) % $hours as hour,
    count(*),
    min(epoch_us(occurred_at)),
    max(epoch_us(occurred_at)),
from internal.events
where occurred_at > make_timestamptz($after_us) and occurred_at <= make_timestamptz($now_us)
    and {member} <> 0 -- what has no channel is nobody's silence
group by all
