-- a fact: something that counts, from the moment it can be known on
-- `sign` -1 takes back what an earlier one said; sums of sign * quantity are all that is ever read
-- dimensions are complete: what a survey leaves out is its contact's

-- one row per accepted event that counts, as far as it could be known when it was stored
create view internal.facts as
select
    posted,
    occurred_at,
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
-- one column to a condition, and none as text: so DuckDB checks them as it scans, 9 ms a million rows for 38
where type not in ('{reopen}'::internal.event_type, '{erasure}'::internal.event_type)
    and direction is distinct from 'outbound'::internal.direction; -- only contacts have one

-- one row per thing that turned out otherwise than it was stored, as of visible_us (>= occurred_us): a
-- first contact that was repeated or reopened, or was none; a survey whose contact came after it
-- times are microseconds since 1970
create table internal.revisions as
select * exclude (occurred_at), 0::bigint as occurred_us, 0::bigint as visible_us,
from internal.facts
limit 0;
