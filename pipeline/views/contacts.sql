-- one row per contact event that has begun by a moment, with the answers of its latest survey and its
-- follow-up as of that moment; the five follow-up columns are null where the contact is not eligible
create or replace macro contacts_at(as_of) as table
with crowded as (
    select contact_hash,
    from internal.events
    where type = '{contact}' and occurred_at <= as_of::timestamptz
    group by contact_hash
    having count(*) > 1
),

-- of several contacts with one contact_id the smallest is meant; most have one
shadowed as (
    select event.rowid as k,
    from internal.events as event
    inner join internal.names on names.number = event.source
    semi join crowded using (contact_hash)
    where type = '{contact}' and occurred_at <= as_of::timestamptz
    qualify row_number() over (partition by contact_hash order by occurred_at, name, event.id) > 1
),

same_instant as (
    select key_hash, occurred_at,
    from internal.events
    where key_hash is not null and occurred_at <= as_of::timestamptz
    group by all
    having count(*) > 1
),

-- only contacts of one key and instant need their texts to be put in order
tied as (
    select event.rowid as k, row_number() over (order by contact_id, name, event.id) as tie,
    from internal.events as event
    inner join internal.names on names.number = event.source
    semi join same_instant using (key_hash, occurred_at)
),

-- narrow: it is sorted as a whole
inbound as (
    select event.rowid as k, key_hash, contact_hash, outcome, epoch_us(occurred_at) as occurred_us, tie,
        shadowed.k is null as is_meant,
    from internal.events as event
    left join tied on tied.k = event.rowid
    left join shadowed on shadowed.k = event.rowid
    where key_hash is not null and occurred_at <= as_of::timestamptz
),

-- only a key with several contacts needs an order; most have one
crowded_keys as (
    select key_hash,
    from inbound
    group by key_hash
    having count(*) > 1
),

several as (
    from inbound
    semi join crowded_keys using (key_hash)
),

seen_reopens as (
    from internal.reopens
    where occurred_us <= epoch_us(as_of::timestamptz)
),

followed as (
    {follow_up}
),

latest_survey as (
    select distinct on (contact_hash) contact_hash, csat, effort, nps, friendliness, resolved,
    from internal.events as event
    inner join internal.names on names.number = event.source
    where type = '{survey}' and contact_hash is not null and occurred_at <= as_of::timestamptz
    order by contact_hash, occurred_at desc, name desc, event.id desc
)

select
    names[event.source] as source,
    event.id,
    event.occurred_at,
    event.customer_id,
    event.contact_id,
    names[event.channel] as channel,
    event.direction::varchar as direction,
    event.handled_by::varchar as handled_by,
    event.outcome::varchar as outcome,
    names[event.reason] as reason,
    names[event.agent_id] as agent_id,
    names[event.team] as team,
    names[event.segment] as segment,
    names[event.stage] as stage,
    (event.wait_ms * 0.001)::decimal(11, 3) as wait_s,
    (event.handle_ms * 0.001)::decimal(11, 3) as handle_s,
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
cross join internal.name_list
left join followed on followed.k = event.rowid
left join shadowed on shadowed.k = event.rowid
-- one equation and nothing beside it, or the join would compare every contact with every survey
left join latest_survey as survey
    on survey.contact_hash = case when shadowed.k is null then event.contact_hash end
where event.type = '{contact}' and event.occurred_at <= as_of::timestamptz;

-- the same as of the last refresh
create or replace view contacts as
from contacts_at((select as_of from internal.refreshed));
