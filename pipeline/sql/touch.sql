-- one row per inbound contact that the batch adds, or of which it changes what reopens mean: the instants
-- around which its key's contacts matter
select key_hash, occurred_us,
from fresh
where key_hash is not null
union all
select key_hash, occurred_us
from kin
where key_hash is not null and contact_hash in (
    select contact_hash from fresh where type = '{reopen}'
    union all
    select contact_hash from kin where type = '{reopen}'
)
