-- the stored events that share a contact_id with a fresh one
select rowid as k, type, {columns}, epoch_us(occurred_at) as occurred_us, contact_hash, key_hash,
from internal.events
where rowid in (from relatives)
