-- the pool, with what only texts tell (rare): the place of contacts that key and instant do not tell from
-- another, and since which transaction one is not meant whose contact_id others bear
with same_instant as (
    select key_hash, occurred_us,
    from pool
    group by all
    having count(*) > 1
),

asked as (
    select k from pool semi join same_instant using (key_hash, occurred_us)
    union
    select k from pool semi join internal.namesakes using (contact_hash)
),

texts as (
    select rowid as k, contact_id, contact_hash, occurred_at, source as number, id,
    from internal.events
    where rowid in (from asked)
    union all
    select -1 - n, contact_id, (hash(contact_id) >> 1)::bigint, occurred_at, source, id
    from accepted
    where -1 - n in (from asked)
),

told as (
    select
        k,
        row_number() over (order by contact_id, any_value(names.name), any_value(texts.id)) as tie,
        min(smaller.posted) as overshadowed,
    from texts
    inner join internal.names as names using (number)
    left join internal.namesakes as smaller
        on smaller.contact_hash = texts.contact_hash
        and (smaller.occurred_at, smaller.source, smaller.id) < (texts.occurred_at, names.name, texts.id)
    group by k, contact_id
)

select pool.*, tie, overshadowed,
from pool
left join told using (k)
