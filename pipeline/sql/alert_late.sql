-- when the earliest of what came since a transaction counts (null: nothing did), of what counts by a moment
select min(occurred_us) + {back}
from (
    select epoch_us(min(occurred_at)) as occurred_us,
    from internal.facts
    where posted > $posted and ({anything})
    union all
    select min(occurred_us),
    from internal.revisions
    where posted > $posted and ({anything})
)
where occurred_us + {back} <= $until_us
