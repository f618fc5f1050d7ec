-- one row per stored event, and per fresh contact or reopen, of a contact_id to which the batch adds
-- something to tell apart: an answer, an invitation, a reopen, or a further contact
create or replace temp table linked as
with old as (
    select {linked_columns}, epoch_us(event.occurred_at) as occurred_us, false as is_fresh,
    from internal.events as event
    semi join fresh using (contact_id)
    -- the narrow search first, over all history; the other columns only of what it found
    where event.rowid in (
        select candidate.rowid
        from internal.events as candidate
        semi join fresh using (contact_hash)
    )
),

ids as (
    select contact_id from old
    union
    select contact_id from fresh where contact_hash is not null and type <> 'touchpoint.contact.v1'
)

from old
union all
select {linked_columns}, occurred_us, true
from fresh as event
semi join ids using (contact_id)
where type in ('touchpoint.contact.v1', 'touchpoint.reopen.v1')
