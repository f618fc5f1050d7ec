-- one row per hour, dimension and member: the sums of what was posted since the last fold
insert into internal.cells (fold, bucket, dim, member, {columns})
with tail as (
    select internal.hour_of(epoch_us(occurred_at)) as hour, {members}, {contributions}
    from internal.facts as fact
    where posted > $folded and kind in ({kinds})
    union all
    select internal.hour_of(occurred_us), {members}, {contributions}
    from internal.revisions as fact
    where posted > $folded and kind in ({kinds})
)

select
    $posted,
    internal.hour_bucket(hour),
    case {dim} end,
    coalesce({dimensions}),
    {totals},
from tail
group by grouping sets ({sets})
