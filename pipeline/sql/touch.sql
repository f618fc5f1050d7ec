-- one row per key that the batch touches, with the times within which its contacts matter: 2F around
-- (a change reaches contacts within F, and each of these is judged by what lies within F of it)
create or replace temp table touched as
with points as (
    select {key}, key_hash, occurred_us
    from fresh
    where inbound
    union all
    select {key}, hash({key}), occurred_us
    from linked
    where type = 'touchpoint.contact.v1' and direction = 'inbound'
        and contact_id in (select contact_id from linked where type = 'touchpoint.reopen.v1')
)

select
    {key},
    key_hash,
    min(occurred_us) - 2 * internal.follow_up_us() as from_us,
    max(occurred_us) + 2 * internal.follow_up_us() as until_us,
from points
group by all
