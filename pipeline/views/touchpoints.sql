-- one row per accepted event, as it was sent
create view touchpoints as
select * exclude (contact_hash, key_hash)
from internal.events;
