-- one row per hour, dimension and member: the sums of the facts posted since the last fold
insert into internal.cells (hour, dim, member, {columns})
with tail as (
    select internal.hour_of(occurred_us) as hour, {members}, {contributions}
    from internal.facts as fact
    where posted > (select folded from internal.progress) and kind in ({kinds})
)

select
    hour,
    case
        when channel is not null then 'channel'
        when reason is not null then 'reason'
        when agent is not null then 'agent'
        when team is not null then 'team'
        when segment is not null then 'segment'
        when stage is not null then 'stage'
        else 'all'
    end,
    coalesce(channel, reason, agent, team, segment, stage, 'all'),
    {sums}
from tail
group by grouping sets (
    (hour), (hour, channel), (hour, reason), (hour, agent), (hour, team), (hour, segment),
    (hour, stage)
)
