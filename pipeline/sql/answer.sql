-- one row per version of a survey or an invitation that the batch adds (sign 1) or takes back (-1)
-- what an answer leaves out it takes from its contact, from the moment both have happened
with contacts as (
    select
        linked.*,
        coalesce(place = 1, true) as is_meant,
        coalesce(place_in_age = 1, true) and not is_fresh as was_meant,
    from linked
    left join bearers using (k)
    where type = '{contact}'
),

-- with a further contact of the same contact_id, old answers may mean another one now
again as (
    select *
    from linked
    where type in ('{survey}', '{invitation}') and not is_fresh
        and contact_hash in (select contact_hash from contacts where is_fresh)
),

states as (
    select 1 as weight, -1 - event.n as k, {answer}, event.occurred_us, contact.occurred_us as contact_us,
        {inherited},
    from fresh as event
    left join contacts as contact on contact.contact_hash = event.contact_hash and contact.is_meant
    where event.type in ('{survey}', '{invitation}')
    union all
    select 1, event.k, {answer}, event.occurred_us, contact.occurred_us, {inherited},
    from again as event
    inner join contacts as contact on contact.contact_hash = event.contact_hash and contact.is_meant
    union all
    select -1, event.k, {answer}, event.occurred_us, contact.occurred_us, {inherited},
    from again as event
    left join contacts as contact on contact.contact_hash = event.contact_hash and contact.was_meant
)

select weight as sign, occurred_us as visible_us, * replace ({nothing}),
from states
where contact_us is null or contact_us > occurred_us
union all
select -weight, contact_us, * replace ({nothing}),
from states
where contact_us > occurred_us
union all
select weight, greatest(contact_us, occurred_us), *,
from states
where contact_us is not null
