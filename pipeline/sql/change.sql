-- one row per contact whose follow-up the batch decides or changes, with how it stood before
-- `followed_before` and `followed_after`: sql/follow_up.sql over `pool` without and with the batch
create or replace temp table changed as
select
    k,
    pool.occurred_us,
    is_fresh,
    after.is_first,
    after.broken_us,
    coalesce(before.is_first, false) as was_first,
    before.broken_us as was_broken_us,
    after.is_first::tinyint - was_first::tinyint as first_contacts,
    (after.is_first and after.broken_us is distinct from pool.occurred_us)::tinyint
        - (was_first and was_broken_us is distinct from pool.occurred_us)::tinyint as resolved_first,
from pool
inner join followed_after as after using (k)
left join followed_before as before using (k)
where is_fresh
    or after.is_first is distinct from before.is_first
    or after.broken_us is distinct from before.broken_us
