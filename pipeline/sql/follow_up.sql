-- the inbound contacts of {pool}, each by its number k, with its follow-up: is it a first contact, and
-- what broke its resolution, when
--
-- First-contact resolution (contract 4; ISO 18295-1, SQM Group): eligible = inbound and not abandoned.
-- A contact at t is a first contact if no eligible contact of the same key began in [t - F, t); it is
-- resolved at first contact unless an inbound contact of the same key, abandoned ones included, came
-- in (t, t + F], or a reopen of it did, or its outcome is unresolved or escalated. Equal instants are
-- ordered by contact_id, source, id ({order}). {pool} must hold every inbound contact of a key within F.
-- Where two states are asked for (without and with a batch), each has its own columns.
with neighbours as (
    select *, {neighbours},
    from (
        select *, outcome is not distinct from 'abandoned' as abandoned,
        from {several}
    )
    window of_key as (partition by key_hash order by {order})
    {lone}
),

reopened as (
    select contact.k, {reopened},
    from {pool} as contact
    inner join {reopens} as reopen
        on reopen.contact_hash = contact.contact_hash
        and reopen.occurred_us > contact.occurred_us
        and reopen.occurred_us <= contact.occurred_us + internal.follow_up_us()
    group by contact.k
)

select
    neighbours.*,
    not abandoned as eligible,
    {states},
from neighbours
left join reopened using (k)
