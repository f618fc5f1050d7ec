-- one row per stored event, and per fresh contact or reopen, of a contact_id to which the batch adds
-- something to tell apart: an answer, an invitation, a reopen, or a further contact
-- (found by hash: what a collision brings along too is told apart by contact_id later)
create or replace temp table linked as
with old as (
    select {linked_columns}, epoch_us(event.occurred_at) as occurred_us, contact_hash, false as is_fresh,
    from internal.events as event
    -- the narrow search first, over all history; the other columns only of what it found
    where event.rowid in (
        select candidate.rowid
        from internal.events as candidate
        semi join fresh using (contact_hash)
    )
),

ids as (
    select contact_hash from old
    union
    select contact_hash from fresh where type <> 'touchpoint.contact.v1'
)

from old
union all
select {linked_columns}, occurred_us, contact_hash, true
from fresh as event
semi join ids using (contact_hash)
where type in ('touchpoint.contact.v1', 'touchpoint.reopen.v1')
