-- one row per bucket of time, dimension and member: the sums of what was posted since the last fold
insert into internal.{cells} ({keys}, dim, member, {columns})
with tail as (
    select {buckets}, {members}, {contributions}
    from internal.{table} as fact
    where posted > (select folded from internal.progress) and kind in ({kinds})
)

select
    {keys},
    case
        when channel is not null then 'channel'
        when reason is not null then 'reason'
        when agent is not null then 'agent'
        when team is not null then 'team'
        when segment is not null then 'segment'
        when stage is not null then 'stage'
        else 'all'
    end,
    coalesce(channel, reason, agent, team, segment, stage, 1),
    {sums}
from tail
group by grouping sets (
    ({keys}), ({keys}, channel), ({keys}, reason), ({keys}, agent), ({keys}, team), ({keys}, segment),
    ({keys}, stage)
)
