-- one row per event that is seen for the first time, with its hashes and its time in microseconds
create or replace temp table fresh as
select
    decoded.* replace (
        type::internal.event_type as type,
        direction::internal.direction as direction,
        handled_by::internal.handled_by as handled_by,
        outcome::internal.outcome as outcome
    ),
    epoch_us(occurred_at) as occurred_us,
    coalesce(direction = 'inbound', false) as inbound,
    case when contact_id is not null and type <> '{erasure}' then hash(contact_id) end as contact_hash,
    case when inbound then hash({key}) end as key_hash,
    topic,
    partition,
    "offset",
from decoded
inner join arrivals using (n)
anti join stale using (n)
