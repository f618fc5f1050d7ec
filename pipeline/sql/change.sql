-- one row per contact of {pool} that is fresh, or whose follow-up the batch changes, with how it stood before
with followed as (
    {follow_up}
),

states as (
    select * replace (was_first and not is_fresh as was_first),
    from followed
)

select
    k,
    is_fresh,
    occurred_us,
    is_first,
    broken_us,
    was_first,
    was_broken_us,
    is_first::tinyint - was_first::tinyint as first_contacts,
    (is_first and broken_us is distinct from occurred_us)::tinyint
        - (was_first and was_broken_us is distinct from occurred_us)::tinyint as resolved_first,
from states
where is_fresh or is_first is distinct from was_first or broken_us is distinct from was_broken_us
