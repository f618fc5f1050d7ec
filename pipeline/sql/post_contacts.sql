-- a contact counts from its beginning; whether it was a first one, and resolved, may turn out otherwise
insert into internal.facts
    (posted, occurred_us, visible_us, sign, kind, {dimensions}, outcome, wait_ms, handle_ms,
    first_contacts, resolved_first)
select
    (select posted from internal.progress),
    fresh.occurred_us,
    fresh.occurred_us,
    1,
    'contact',
    {dimensions},
    outcome,
    (wait_s * 1000)::bigint,
    (handle_s * 1000)::bigint,
    first_contacts,
    resolved_first,
from fresh
inner join changed on changed.k = -1 - fresh.n
union all
select
    (select posted from internal.progress),
    changed.occurred_us,
    changed.occurred_us,
    1,
    'follow_up',
    {dimensions},
    outcome,
    null,
    null,
    first_contacts,
    resolved_first,
from internal.events as event
inner join changed on changed.k = event.rowid
where first_contacts <> 0 or resolved_first <> 0
