-- when the earliest and the newest of what came since a transaction count (null: nothing came)
select min(earliest_us) + {back}, max(newest_us) + {back}
from (
    select epoch_us(min(occurred_at)) as earliest_us, epoch_us(max(occurred_at)) as newest_us,
    from internal.facts
    where posted > $posted and ({anything})
    union all
    select min(occurred_us), max(occurred_us),
    from internal.revisions
    where posted > $posted and ({anything})
)
