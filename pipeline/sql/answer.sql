-- one row per version of a survey or an invitation that the batch adds (sign 1) or takes back (-1)
-- what an answer leaves out it takes from its contact, from the moment both have happened
create or replace temp table answered as
with contacts as (
    select contact_id, occurred_us, source, id, is_fresh, reason, agent_id, team, segment, stage,
    from linked
    where type = 'touchpoint.contact.v1'
),

-- only namesakes need an order
meant_after as (
    select *
    from contacts
    anti join internal.namesakes using (contact_id)
    union all
    from (
        select distinct on (contact_id) *
        from contacts
        semi join internal.namesakes using (contact_id)
        order by contact_id, occurred_us, source, id
    )
),

meant_before as (
    select distinct on (contact_id) *
    from contacts
    where not is_fresh
    order by contact_id, occurred_us, source, id
),

-- with a further contact of the same contact_id, old answers may mean another one now
again as (
    select *
    from linked
    where type in ('touchpoint.survey.v1', 'touchpoint.invitation.v1') and not is_fresh
        and contact_id in (select contact_id from contacts where is_fresh)
),

states as (
    select 1 as weight, {answer_columns}, event.occurred_us, contact.occurred_us as contact_us, {inherited},
    from fresh as event
    left join meant_after as contact using (contact_id)
    where event.type in ('touchpoint.survey.v1', 'touchpoint.invitation.v1')
    union all
    select 1, {answer_columns}, event.occurred_us, contact.occurred_us, {inherited},
    from again as event
    inner join meant_after as contact using (contact_id)
    union all
    select -1, {answer_columns}, event.occurred_us, contact.occurred_us, {inherited},
    from again as event
    left join meant_before as contact using (contact_id)
)

select weight as sign, occurred_us as visible_us, *
from states
where contact_us is null or contact_us > occurred_us
union all
select -weight, contact_us, *
from states
where contact_us > occurred_us
union all
select
    weight,
    greatest(contact_us, occurred_us),
    * replace (
        full_reason as reason,
        full_agent_id as agent_id,
        full_team as team,
        full_segment as segment,
        full_stage as stage
    )
from states
where contact_us is not null
