-- one row per inbound contact of {pool}, by its number k: is it a first contact, and what broke its
-- resolution, when
--
-- First-contact resolution (contract 4; ISO 18295-1, SQM Group): eligible = inbound and not abandoned.
-- A contact at t is a first contact if no eligible contact of the same key began in [t - F, t); it is
-- resolved at first contact unless an inbound contact of the same key, abandoned ones included, came
-- in (t, t + F], or a reopen of it did, or its outcome is unresolved or escalated. Equal instants are
-- ordered by contact_id, source, id ({ties}). {pool} must hold every inbound contact of a key within F.
with crowded as (
    select key_hash,
    from {pool}
    group by key_hash
    having count(*) > 1
),

-- only a key with several contacts needs an order; most have one
neighbours as (
    select
        k,
        -- abandoned contacts are a partition of their own: among the others this is the previous eligible
        lag(occurred_us) over (partition by key_hash, abandoned order by occurred_us, {ties}) as previous_us,
        lead(occurred_us) over (partition by key_hash order by occurred_us, {ties}) as next_us,
    from (
        select *, outcome is not distinct from 'abandoned' as abandoned,
        from {pool}
        semi join crowded using (key_hash)
    )
),

-- a reopen means the smallest bearer of its contact_id
reopened as (
    select contact.k, min(reopen.occurred_us) as reopened_us,
    from {pool} as contact
    inner join {reopens} as reopen
        on reopen.contact_hash = contact.contact_hash
        and reopen.occurred_us > contact.occurred_us
        and reopen.occurred_us <= contact.occurred_us + internal.follow_up_us()
    where {is_meant}
    group by contact.k
)

select
    k,
    outcome is distinct from 'abandoned' as eligible,
    eligible and coalesce(previous_us < occurred_us - internal.follow_up_us(), true) as is_first,
    case when next_us <= occurred_us + internal.follow_up_us() then next_us end as repeated_us,
    reopened_us,
    case
        when outcome in ('unresolved', 'escalated') then occurred_us
        else least(repeated_us, reopened_us)
    end as broken_us,
from {pool}
left join neighbours using (k)
left join reopened using (k)
