-- one row per survey or invitation that has a contact, as the batch adds it (weight 1) or takes it back (-1),
-- with what it may take from that contact, from the moment both have happened
with contacts as (
    select k, contact_hash, occurred_us, {dimensions}, false as is_fresh,
    from kin
    where type = '{contact}'
    union all
    select -1 - n, contact_hash, occurred_us, {dimensions}, true
    from fresh
    where type = '{contact}'
),

meant as (
    select
        contacts.*,
        coalesce(place = 1, true) as is_meant,
        coalesce(place_in_age = 1, true) and not is_fresh as was_meant,
    from contacts
    left join bearers using (k)
),

-- with a further contact of the same contact_id, old answers may mean another one now
again as (
    select *
    from kin
    where type in ('{survey}', '{invitation}')
        and contact_hash in (select contact_hash from fresh where type = '{contact}')
)

select 1 as weight, -1 - event.n as k, {answer}, event.occurred_us, contact.occurred_us as contact_us,
    {inherited},
from fresh as event
inner join meant as contact on contact.contact_hash = event.contact_hash and is_meant
where event.type in ('{survey}', '{invitation}')
union all
select 1, event.k, {answer}, event.occurred_us, contact.occurred_us, {inherited},
from again as event
inner join meant as contact on contact.contact_hash = event.contact_hash and is_meant
union all
select -1, event.k, {answer}, event.occurred_us, contact.occurred_us, {inherited},
from again as event
left join meant as contact on contact.contact_hash = event.contact_hash and was_meant
