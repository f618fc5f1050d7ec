-- one row per event of a contact_id to which the batch adds something to tell apart: an answer, an
-- invitation, a reopen, or a further contact; stored ones by rowid, fresh contacts and reopens by -1 - n
with old as (
    select rowid as k, type::varchar as type, {columns}, epoch_us(occurred_at) as occurred_us, contact_hash, key_hash,
        false as is_fresh,
    from internal.events
    where rowid in (from relatives)
),

hashes as (
    select contact_hash from old
    union
    select contact_hash from fresh where type <> '{contact}'
)

from old
union all
select -1 - n, type, {columns}, occurred_us, contact_hash, key_hash, true
from fresh
semi join hashes using (contact_hash)
where type in ('{contact}', '{reopen}')
