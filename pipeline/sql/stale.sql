-- one row per decoded event that was seen before: a duplicate
-- identity is (source, id, occurred_at), so only stored events of the batch's own instants need a look
with hashed as (
    select n, hash(occurred_at, id, source) as identity_hash,
    from decoded
),

shared as (
    select identity_hash,
    from hashed
    group by identity_hash
    having count(*) > 1
),

-- the first copy stands
later_copies as (
    select n,
    from decoded
    inner join (
        select occurred_at, id, source, min(n) as first_n,
        from decoded
        where n in (select n from hashed semi join shared using (identity_hash))
        group by all
    ) using (occurred_at, id, source)
    where n > first_n
),

near as materialized (
    select occurred_at, id, source,
    from internal.events
    where occurred_at between $earliest and $latest
        and occurred_at in (select occurred_at from decoded)
),

known as (
    select n,
    from decoded
    semi join near using (occurred_at, id, source)
)

select n,
from later_copies
union
select n,
from known
