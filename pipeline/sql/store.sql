-- fresh events are stored, each with what it counts for as far as it can be known
insert into internal.events by name
select
    fresh.* exclude (n, occurred_us, inbound),
    $ingested_at::timestamptz as ingested_at,
    $posted as posted,
    {inherited},
    coalesce(first_contacts, 0) as first_contacts,
    coalesce(resolved_first, 0) as resolved_first,
from fresh
left join changed on changed.k = -1 - n
left join answered
    on answered.k = -1 - n
    and answered.visible_us = answered.occurred_us
