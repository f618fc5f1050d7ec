-- one row per inbound contact that is fresh or near what the batch may change: same key, within 2F
-- k: the rowid of a stored one, -1 - n of a fresh one
select
    event.rowid as k,
    false as is_fresh,
    event.key_hash,
    event.contact_hash,
    epoch_us(event.occurred_at) as occurred_us,
    {columns},
    event.outcome::varchar as outcome,
from internal.events as event
inner join touched
    on touched.key_hash = event.key_hash
    and epoch_us(event.occurred_at) between touched.from_us and touched.until_us
where event.occurred_at between $earliest and $latest
union all
select -1 - n, true, key_hash, contact_hash, occurred_us, {columns}, outcome
from fresh as event
where inbound
