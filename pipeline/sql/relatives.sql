-- one row per stored event that shares a contact_id with a fresh one: the narrow search over all history
-- (a statement of its own, or wide columns of all history are read on the way)
select event.rowid as k,
from internal.events as event
semi join fresh using (contact_hash)
