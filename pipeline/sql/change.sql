-- one row per contact whose follow-up the batch decides or changes, with how it stood before
create or replace temp table changed as
with contacts as (
    select pool.*, tie, overshadowed,
    from pool
    left join told using (k)
),

stored as (
    from contacts
    where not is_fresh
),

older_reopens as (
    from internal.reopens
    where posted < $posted
),

before as (
    {follow_up_before}
),

after as (
    {follow_up_after}
)

select
    pool.*,
    after.is_first,
    after.broken_us,
    coalesce(before.is_first, false) as was_first,
    before.broken_us as was_broken_us,
    after.is_first::tinyint - was_first::tinyint as first_contacts,
    (after.is_first and after.broken_us is distinct from pool.occurred_us)::tinyint
        - (was_first and was_broken_us is distinct from pool.occurred_us)::tinyint as resolved_first,
from pool
inner join after using (k)
left join before using (k)
where is_fresh
    or after.is_first is distinct from before.is_first
    or after.broken_us is distinct from before.broken_us
