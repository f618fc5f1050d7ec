-- one row per hour, and one per day, dimension and member: the sums of what was posted since the last fold
insert into internal.cells_of_{counts} (fold, bucket, dim, member, {columns})
with fact as materialized (
    select *, internal.hour_of(epoch_us(occurred_at)) as hour,
    from internal.facts
    where posted > $folded and kind in ({kinds})
    union all by name
    select *, internal.hour_of(occurred_us) as hour,
    from internal.revisions
    where posted > $folded and kind in ({kinds})
),

hours as materialized (
    select hour, case {dim} end as dim, coalesce({dimensions}) as member, {totals},
    from (select hour, {dimensions}, {contributions} from fact)
    group by grouping sets ({sets})
)

select $posted, internal.hour_bucket(hour), dim, member, {columns},
from hours
union all
select $posted, internal.day_bucket(hour // 24), dim, member, {totals},
from hours
group by hour // 24, dim, member
