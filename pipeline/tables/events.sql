-- one row per accepted event, as it was sent; view `touchpoints` shows it with its texts
-- source, the dimensions and topic are numbers of internal.names, 0 being absent (names.py)
-- contact_hash and key_hash (null where they mean nothing) let a batch find its kin by one narrow column
-- an event that counts is also a fact (view internal.facts): what an answer takes from its contact, and
-- whether a contact is a first and a resolved one, as far as it could be known when it was stored
create type internal.event_type as enum ({types});
create type internal.direction as enum ({directions});
create type internal.handled_by as enum ({handlers});
create type internal.outcome as enum ({outcomes});
create table internal.events (
    source integer not null,
    id varchar not null,
    type internal.event_type not null,
    occurred_at timestamptz not null,
    ingested_at timestamptz not null,
    customer_id varchar not null,
    contact_id varchar,
    channel integer not null,
    direction internal.direction,
    handled_by internal.handled_by,
    outcome internal.outcome,
    reason integer not null,
    agent_id integer not null,
    team integer not null,
    segment integer not null,
    stage integer not null,
    wait_ms bigint,
    handle_ms bigint,
    csat tinyint,
    effort tinyint,
    nps tinyint,
    friendliness tinyint,
    resolved boolean,
    comment varchar,
    topic integer not null,
    partition integer not null,
    "offset" bigint not null,
    contact_hash bigint,
    key_hash bigint,
    posted bigint not null,
    inherited_reason integer not null,
    inherited_agent_id integer not null,
    inherited_team integer not null,
    inherited_segment integer not null,
    inherited_stage integer not null,
    first_contacts tinyint not null,
    resolved_first tinyint not null,
);
