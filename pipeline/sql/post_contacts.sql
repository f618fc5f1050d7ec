-- a contact counts from its beginning; whether it was a first one, and resolved, may turn out otherwise
insert into internal.facts
    (posted, occurred_us, visible_us, sign, kind, {dimensions}, outcome, wait_ms, handle_ms,
    first_contacts, resolved_first)
with counted as (
    select
        *,
        is_first::tinyint - was_first::tinyint as first_contacts,
        (is_first and broken_us is distinct from occurred_us)::tinyint
            - (was_first and was_broken_us is distinct from occurred_us)::tinyint as resolved_first,
    from changed
)

select
    (select posted from internal.progress),
    occurred_us,
    occurred_us,
    1,
    if(is_fresh, 'contact', 'follow_up'),
    {dimensions},
    outcome,
    if(is_fresh, wait_ms, null),
    if(is_fresh, handle_ms, null),
    first_contacts,
    resolved_first,
from counted
where is_fresh or first_contacts <> 0 or resolved_first <> 0
