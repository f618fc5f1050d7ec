-- one row per decoded event that was seen before: a duplicate
-- identity is (source, id, occurred_at), so only stored events of the batch's own times need a look
create or replace temp table stale as
with hashed as (
    select n, hash(occurred_at, id, source) as identity_hash,
    from decoded
),

shared as (
    select identity_hash,
    from hashed
    group by identity_hash
    having count(*) > 1
),

-- the first copy stands
later_copies as (
    select n,
    from decoded
    where n in (select n from hashed semi join shared using (identity_hash))
    qualify row_number() over (partition by occurred_at, id, source order by n) > 1
),

known as (
    select decoded.n,
    from internal.events as event
    inner join decoded
        on decoded.occurred_at = event.occurred_at
        and decoded.id = event.id
        and decoded.source = event.source
    where event.occurred_at between $earliest and $latest
)

from later_copies
union
from known
