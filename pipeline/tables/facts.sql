-- one row per thing that counts, from the moment it can be known (visible_us) on
-- `sign` -1 takes back what an earlier row said; sums of sign * quantity are all that is ever read
-- dimensions are resolved: a survey's are completed from its contact
-- facts: known when they occurred (visible_us = occurred_us); times are microseconds since 1970
create table internal.facts (
    posted bigint not null,
    occurred_us bigint not null,
    visible_us bigint not null,
    sign tinyint not null,
    kind varchar not null,
    channel varchar,
    reason varchar,
    agent_id varchar,
    team varchar,
    segment varchar,
    stage varchar,
    outcome varchar,
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

-- the same, known only later than they occurred: a first contact that was repeated or reopened, a
-- survey whose contact began after it
create table internal.revisions as from internal.facts limit 0;
