-- one row per stored contact whose key may be touched: the narrow search, over the hashes alone
-- (a statement of its own, or the planner reads wide columns of all history on the way)
create or replace temp table found as
select event.rowid as k,
from internal.events as event
semi join touched using (key_hash)
where event.occurred_at between $earliest::timestamptz and $latest::timestamptz
