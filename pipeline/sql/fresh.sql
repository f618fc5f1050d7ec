-- one row per fresh event: what is searched, joined and summed, and the hashes by which it finds its kin
-- (its texts stay in the Arrow table `accepted`)
-- first_contacts, resolved_first: what it counts for where nothing else is known of its key
select
    n,
    type::internal.event_type as type,
    epoch_us(occurred_at) as occurred_us,
    accepted.outcome::internal.outcome as outcome,
    {columns},
    case when contact_id is not null and type <> '{erasure}' then (hash(contact_id) >> 1)::bigint end
        as contact_hash,
    case when direction = 'inbound' then (hash({key}) >> 1)::bigint end as key_hash,
    (key_hash is not null and accepted.outcome is distinct from 'abandoned')::tinyint as first_contacts,
    (first_contacts = 1 and coalesce(accepted.outcome not in ('unresolved', 'escalated'), true))::tinyint
        as resolved_first,
from accepted
