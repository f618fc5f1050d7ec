-- one row per event outside the times asked for: not consumed, as if it had never come
create or replace temp table outside as
select n
from decoded
where occurred_at < $earliest::timestamptz or occurred_at > $latest::timestamptz
