-- one row per fact that the batch adds, or takes back: see tables/facts.sql
-- `followed_before` and `followed_after`: sql/follow_up.sql over `pool` without and with the batch
create or replace temp table posting as
with changed as (
    select
        after.*,
        coalesce(before.is_first, false) as was_first,
        before.broken_us as was_broken_us,
    from followed_after as after
    left join followed_before as before using (occurred_us, source, id)
    where after.is_fresh
        or after.is_first is distinct from before.is_first
        or after.broken_us is distinct from before.broken_us
),

-- a contact counts from its beginning; whether it was a first one may turn out otherwise
contacts as (
    select
        occurred_us as visible_us,
        1 as sign,
        if(is_fresh, 'contact', 'follow_up') as kind,
        if(is_fresh, wait_ms, null) as wait_ms,
        if(is_fresh, handle_ms, null) as handle_ms,
        is_first::tinyint - was_first::tinyint as first_contacts,
        (is_first and broken_us is distinct from occurred_us)::tinyint
            - (was_first and was_broken_us is distinct from occurred_us)::tinyint as resolved_first,
        * exclude (wait_ms, handle_ms),
    from changed
),

-- a first contact's resolution ends when it is repeated or reopened, and not before
breaks as (
    select broken_us as visible_us, -1 as sign, *
    from changed
    where is_first and broken_us > occurred_us
        and not (was_first and was_broken_us is not distinct from broken_us)
    union all
    select was_broken_us as visible_us, 1 as sign, *
    from changed
    where was_first and was_broken_us > occurred_us
        and not (is_first and was_broken_us is not distinct from broken_us)
),

meant_after as (
    select distinct on (contact_id) *
    from linked
    where type = 'touchpoint.contact.v1'
    order by contact_id, occurred_us, source, id
),

meant_before as (
    select distinct on (contact_id) *
    from linked
    where type = 'touchpoint.contact.v1' and not is_fresh
    order by contact_id, occurred_us, source, id
),

answers as (
    select {linked_columns}, occurred_us, is_fresh
    from linked as event
    where type in ('touchpoint.survey.v1', 'touchpoint.invitation.v1')
    union all
    select {linked_columns}, occurred_us, true
    from fresh as event
    where type in ('touchpoint.survey.v1', 'touchpoint.invitation.v1') and contact_hash is null
),

-- what an answer leaves out it takes from its contact, from the moment both have happened
states as (
    select answers.*, 1 as weight, meant_after as contact, meant_after.occurred_us as contact_us,
    from answers
    left join meant_after using (contact_id)
    left join meant_before using (contact_id)
    where answers.is_fresh
        or (meant_after.occurred_us, meant_after.source, meant_after.id)
            is distinct from (meant_before.occurred_us, meant_before.source, meant_before.id)
    union all
    select answers.*, -1, meant_before, meant_before.occurred_us
    from answers
    left join meant_before using (contact_id)
    left join meant_after using (contact_id)
    where not answers.is_fresh
        and (meant_after.occurred_us, meant_after.source, meant_after.id)
            is distinct from (meant_before.occurred_us, meant_before.source, meant_before.id)
),

versions as (
    select weight as sign, occurred_us as visible_us, * exclude (weight)
    from states
    where contact_us is null or contact_us > occurred_us
    union all
    select -weight, contact_us, * exclude (weight)
    from states
    where contact_us > occurred_us
    union all
    select
        weight,
        greatest(contact_us, occurred_us),
        * exclude (weight) replace (
            coalesce(reason, contact.reason) as reason,
            coalesce(agent_id, contact.agent_id) as agent_id,
            coalesce(team, contact.team) as team,
            coalesce(segment, contact.segment) as segment,
            coalesce(stage, contact.stage) as stage
        )
    from states
    where contact_us is not null
)

select
    occurred_us, visible_us, sign, kind, channel, reason, agent_id, team, segment, stage, outcome,
    wait_ms, handle_ms, first_contacts, resolved_first,
    null as csat, null as effort, null as nps, null as friendliness, null as resolved,
from contacts
where is_fresh or first_contacts <> 0 or resolved_first <> 0
union all
select
    occurred_us, visible_us, sign, 'follow_up', channel, reason, agent_id, team, segment, stage, outcome,
    null, null, null, 1,
    null, null, null, null, null,
from breaks
union all
select
    occurred_us, visible_us, sign, if(type = 'touchpoint.survey.v1', 'survey', 'invitation'),
    channel, reason, agent_id, team, segment, stage, null,
    null, null, null, null,
    csat, effort, nps, friendliness, resolved,
from versions
