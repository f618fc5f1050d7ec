-- one row per contact event that has begun by a moment, with the answers of its latest survey and its
-- follow-up as of that moment; the five follow-up columns are null where the contact is not eligible
create or replace macro contacts_at(as_of) as table
with inbound as (
    select rowid as k, key_hash, source, id, customer_id, contact_id, outcome, channel, reason, team, segment,
        stage, epoch_us(occurred_at) as occurred_us,
    from internal.events
    where type = 'touchpoint.contact.v1' and direction = 'inbound'
        and occurred_at <= as_of::timestamptz
),

seen_reopens as (
    from internal.reopens
    where occurred_us <= epoch_us(as_of::timestamptz)
),

followed as (
    {follow_up}
),

-- of several contacts with one contact_id the smallest is meant
bearers as (
    select
        rowid as k,
        row_number() over (partition by contact_id order by occurred_at, source, id) = 1 as is_meant,
    from internal.events
    where type = 'touchpoint.contact.v1'
),

latest_survey as (
    select distinct on (contact_id) contact_id, csat, effort, nps, friendliness, resolved,
    from internal.events
    where type = 'touchpoint.survey.v1' and contact_id is not null
        and occurred_at <= as_of::timestamptz
    order by contact_id, occurred_at desc, source desc, id desc
)

select
    event.source,
    event.id,
    event.occurred_at,
    event.customer_id,
    event.contact_id,
    event.channel,
    event.direction,
    event.handled_by,
    event.outcome,
    event.reason,
    event.agent_id,
    event.team,
    event.segment,
    event.stage,
    event.wait_s,
    event.handle_s,
    survey.csat,
    survey.effort,
    survey.nps,
    survey.friendliness,
    survey.resolved as customer_says_resolved,
    if(followed.eligible, followed.is_first, null) as is_first_contact,
    if(followed.eligible, make_timestamptz(followed.repeated_us), null) as repeated_at,
    if(followed.eligible, make_timestamptz(followed.reopened_us), null) as reopened_at,
    if(followed.eligible and followed.is_first, followed.broken_us is null, null)
        as resolved_at_first_contact,
    if(
        followed.eligible and followed.is_first,
        epoch_us(as_of::timestamptz) >= epoch_us(event.occurred_at) + internal.follow_up_us(),
        null
    ) as settled,
from internal.events as event
left join followed on followed.k = event.rowid
left join bearers on bearers.k = event.rowid
left join latest_survey as survey on survey.contact_id = event.contact_id and bearers.is_meant
where event.type = 'touchpoint.contact.v1' and event.occurred_at <= as_of::timestamptz;

-- the same as of the last refresh
create or replace view contacts as
from contacts_at((select as_of from internal.refreshed));
