-- one row per key that the batch touches, with the times within which its contacts matter: 2F around
-- (a change reaches contacts within F, and each of these is judged by what lies within F of it)
with points as (
    select key_hash, occurred_us
    from fresh
    where inbound
    union all
    select key_hash, occurred_us
    from linked
    where key_hash is not null and contact_hash in (select contact_hash from linked where type = '{reopen}')
)

select
    key_hash,
    min(occurred_us) - 2 * internal.follow_up_us() as from_us,
    max(occurred_us) + 2 * internal.follow_up_us() as until_us,
from points
group by key_hash
