-- the running numbers of decoded events that may have been seen before: another has the same hash of what
-- identifies them, or a stored one the same instant
with hashed as materialized (
    select n, occurred_at, hash(occurred_at, id, source) as identity_hash,
    from decoded
),

shared as (
    select identity_hash,
    from hashed
    group by identity_hash
    having count(*) > 1
),

stored as (
    select occurred_at,
    from internal.events
    where occurred_at between $earliest and $latest
)

select n,
from hashed
semi join shared using (identity_hash)
union
select n,
from hashed
semi join stored using (occurred_at)
