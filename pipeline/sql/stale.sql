-- one row per suspect event that was seen before: a duplicate
-- identity is (source, id, occurred_at), so only stored events of the suspects' own instants need a look
with near as materialized (
    select occurred_at, id, source,
    from internal.events
    where occurred_at between $earliest and $latest
        and occurred_at in (select occurred_at from suspects)
),

-- the first copy stands
later_copies as (
    select n,
    from suspects
    qualify row_number() over (partition by occurred_at, id, source order by n) > 1
),

known as (
    select n,
    from suspects
    semi join near using (occurred_at, id, source)
)

select n,
from later_copies
union
select n,
from known
