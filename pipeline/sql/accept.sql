-- one row per event that is seen for the first time; the other rows of `decoded` are duplicates
-- identity is (source, id, occurred_at), so only stored events of the batch's own times need a look
create or replace temp table fresh as
with first_copies as (
    select min(n) as n,
    from decoded
    group by occurred_at, source, id
),

known as (
    select decoded.n,
    from internal.events as event
    inner join decoded
        on decoded.occurred_at = event.occurred_at
        and decoded.id = event.id
        and decoded.source = event.source
    where event.occurred_at between $earliest::timestamptz and $latest::timestamptz
)

select
    decoded.* exclude (plain),
    arrivals.* exclude (n, is_tombstone),
    epoch_us(occurred_at) as occurred_us,
    type = 'touchpoint.contact.v1' and direction = 'inbound' as inbound,
    case when contact_id is not null and type <> 'touchpoint.erasure.v1' then hash(contact_id) end
        as contact_hash,
    case when inbound then hash({key}) end as key_hash,
from decoded
inner join first_copies using (n)
inner join arrivals using (n)
anti join known using (n)
anti join outside using (n)
