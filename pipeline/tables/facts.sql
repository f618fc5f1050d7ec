-- a fact: something that counts, from the moment it can be known on
-- `sign` -1 takes back what an earlier one said; sums of sign * quantity are all that is ever read
-- dimensions are complete: what a survey leaves out is its contact's

-- one row per correction of a stored event's fact: what a later arrival changed as of its beginning
create table internal.corrections (
    posted bigint not null,
    occurred_at timestamptz not null,
    sign tinyint not null,
    kind varchar not null,
    channel integer not null,
    reason integer not null,
    agent_id integer not null,
    team integer not null,
    segment integer not null,
    stage integer not null,
    outcome internal.outcome,
    wait_ms bigint,
    handle_ms bigint,
    first_contacts tinyint,
    resolved_first tinyint,
    csat tinyint,
    effort tinyint,
    nps tinyint,
    friendliness tinyint,
    resolved boolean,
);

-- one row per fact known only later than it occurred, at visible_us (microseconds since 1970): a first
-- contact that was repeated or reopened, a survey whose contact began after it
create table internal.revisions as
select * exclude (occurred_at), 0::bigint as occurred_us, 0::bigint as visible_us,
from internal.corrections
limit 0;

-- one row per fact known when it occurred
create view internal.facts as
select
    posted,
    occurred_at,
    epoch_us(occurred_at) as occurred_us,
    1::tinyint as sign,
    case type
        when '{contact}' then 'contact'
        when '{survey}' then 'survey'
        else 'invitation'
    end as kind,
    channel,
    reason + inherited_reason as reason,
    agent_id + inherited_agent_id as agent_id,
    team + inherited_team as team,
    segment + inherited_segment as segment,
    stage + inherited_stage as stage,
    outcome,
    wait_ms,
    handle_ms,
    first_contacts,
    resolved_first,
    csat,
    effort,
    nps,
    friendliness,
    resolved,
from internal.events
where type in ('{survey}', '{invitation}') or direction = 'inbound'
union all by name
select *, epoch_us(occurred_at) as occurred_us,
from internal.corrections;
