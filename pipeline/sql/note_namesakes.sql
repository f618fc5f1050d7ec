-- contacts that share a contact_id, once that matters
insert into internal.namesakes
select $posted, contact_hash, occurred_at, source, id
from bearers
anti join internal.namesakes using (contact_hash, occurred_at, source, id)
