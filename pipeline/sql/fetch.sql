-- one row per contact found, with the columns that its follow-up needs
create or replace temp table kin as
select event.rowid as k, {pool_columns}, epoch_us(event.occurred_at) as occurred_us, false as is_fresh,
from internal.events as event
where event.rowid in (select k from found)
