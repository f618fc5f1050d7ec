-- one row per contact whose contact_id others bear too, with its place among them, and among the stored
with contacts as (
    select k, contact_hash from kin where type = '{contact}'
    union all
    select -1 - n, contact_hash from fresh where type = '{contact}'
),

asked as (
    select k,
    from contacts
    semi join (
        select contact_hash from contacts group by contact_hash having count(*) > 1
    ) as crowded using (contact_hash)
),

told as (
    select rowid as k, contact_hash, occurred_at, source, id, false as is_fresh,
    from internal.events
    where rowid in (from asked)
    union all
    select -1 - n, (hash(contact_id) >> 1)::bigint, occurred_at, source, id, true
    from accepted
    where -1 - n in (from asked)
)

select
    k, contact_hash, occurred_at, name as source, id,
    row_number() over (partition by contact_hash order by occurred_at, name, id) as place,
    row_number() over (partition by contact_hash, is_fresh order by occurred_at, name, id) as place_in_age,
from told
inner join internal.names on names.number = told.source
