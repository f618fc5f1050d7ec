-- one row per stored inbound contact near those that the batch may change: same key, within 2F
-- (a change reaches contacts within F, and each of these is judged by what lies within F of it)
create or replace temp table pool as
with points as (
    select {key}, key_hash, occurred_us
    from fresh
    where inbound
    union all
    select {key}, hash({key}), occurred_us
    from linked
    where type = 'touchpoint.contact.v1' and direction = 'inbound'
        and contact_id in (select contact_id from linked where type = 'touchpoint.reopen.v1')
),

touched as (
    select
        {key},
        key_hash,
        min(occurred_us) - 2 * internal.follow_up_us() as from_us,
        max(occurred_us) + 2 * internal.follow_up_us() as until_us,
    from points
    group by all
)

select event.rowid as k, {pool_columns}, epoch_us(event.occurred_at) as occurred_us, false as is_fresh
from internal.events as event
inner join touched
    on touched.key_hash = event.key_hash
    and {same_key}
    and epoch_us(event.occurred_at) between touched.from_us and touched.until_us
where event.rowid in (
    -- the narrow search first; the other columns only of what it found
    select candidate.rowid
    from internal.events as candidate
    semi join touched using (key_hash)
    where candidate.occurred_at between $earliest::timestamptz and $latest::timestamptz
)
