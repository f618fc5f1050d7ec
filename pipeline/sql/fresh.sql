-- one row per fresh event: what is searched, joined and summed, and the hashes by which it finds its kin
-- (its texts stay in the Arrow table `accepted`)
select
    n,
    type,
    occurred_at,
    epoch_us(occurred_at) as occurred_us,
    coalesce(direction = 'inbound', false) as inbound,
    outcome,
    {columns},
    case when contact_id is not null and type <> '{erasure}' then (hash(contact_id) >> 1)::bigint end
        as contact_hash,
    case when direction = 'inbound' then (hash({key}) >> 1)::bigint end as key_hash,
from accepted
