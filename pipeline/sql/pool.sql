-- one row per inbound contact that must be followed up: stored ones of the keys that the batch touches, and
-- fresh ones that are not alone with their key, or were reopened
-- k: the rowid of a stored one, -1 - n of a fresh one
with stored as (
    select
        rowid as k,
        false as is_fresh,
        key_hash,
        contact_hash,
        epoch_us(occurred_at) as occurred_us,
        {columns},
        outcome,
    from internal.events
    where occurred_at between $earliest and $latest and key_hash in (select key_hash from touched)
),

asked as (
    select key_hash from stored
    union
    select key_hash from touched group by key_hash having count(*) > 1
    union
    select key_hash from fresh where contact_hash in (select contact_hash from internal.reopens)
)

from stored
union all
select -1 - n, true, key_hash, contact_hash, occurred_us, {columns}, outcome,
from fresh
where key_hash in (from asked)
