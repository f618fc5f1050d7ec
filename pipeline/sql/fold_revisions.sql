-- one row per day of occurrence, day of becoming known, dimension and member: the revisions' sums
insert into internal.revision_cells (day, visible_day, dim, member, {columns})
with tail as (
    select internal.day_of(occurred_us) as day, internal.day_of(visible_us) as visible_day, {members}, {contributions}
    from internal.revisions as fact
    where posted > (select folded from internal.progress) and kind in ({kinds})
)

select
    day, visible_day,
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
    (day, visible_day), (day, visible_day, channel), (day, visible_day, reason), (day, visible_day, agent), (day, visible_day, team), (day, visible_day, segment),
    (day, visible_day, stage)
)
