-- one row per event that is seen for the first time, with its hashes and its time in microseconds
create or replace temp view fresh as
select
    decoded.* exclude (plain),
    epoch_us(occurred_at) as occurred_us,
    type = 'touchpoint.contact.v1' and direction = 'inbound' as inbound,
    case when contact_id is not null and type <> 'touchpoint.erasure.v1' then hash(contact_id) end
        as contact_hash,
    case when type = 'touchpoint.contact.v1' and direction = 'inbound' then hash({key}) end as key_hash,
from decoded
anti join stale using (n)
