-- what the mirror keeps in its schema of PostgreSQL; for people: metrics, metrics_history, metrics_over_time,
-- history_moments and mirrored

-- one row: whose mirror this is, and how far it is
-- as_of: the refresh that was mirrored last; posted: the last transaction of events that had been seen then
create table mirror_state (
    identity text not null,
    version integer not null,
    as_of timestamptz,
    posted bigint not null,
    mirrored_at timestamptz
);

-- one row per current reading; without as_of, so that a refresh writes only what it changed
create table mirror_readings (
    span text collate "C" not null,
    dimension text collate "C" not null,
    metric text collate "C" not null,
    member text collate "C" not null,
    numerator numeric(18, 3) not null,
    denominator bigint not null,
    value double precision not null,
    low double precision,
    high double precision,
    primary key (span, dimension, metric, member)
);

create view metrics as
select
    metric,
    span,
    dimension,
    member,
    mirror_state.as_of,
    numerator,
    denominator,
    value,
    low,
    high
from mirror_readings
cross join mirror_state;

comment on view metrics is
'One row per current reading: metric x span x dimension x member, all as of one moment, as in firsthand.';

create view mirrored as
select as_of, mirrored_at
from mirror_state;

comment on view mirrored is 'One row: the moment that metrics speaks of, and when it was mirrored.';

-- one row per reading of a moment and revision; rows are added and, when they are too old, removed, never changed
create table metrics_history (
    metric text collate "C" not null,
    span text collate "C" not null,
    dimension text collate "C" not null,
    member text collate "C" not null,
    as_of timestamptz not null,
    numerator numeric(18, 3) not null,
    denominator bigint not null,
    value double precision,
    low double precision,
    high double precision,
    revision integer not null,
    recorded_at timestamptz not null
);
create unique index metrics_history_key
on metrics_history (span, dimension, metric, member, as_of, revision desc);
create index metrics_history_as_of on metrics_history (as_of);

comment on table metrics_history is
'Readings as of moments on a grid. Revision 2 and up: restated, since events of the past came after the one before; denominator 0 and value null: there is no such reading any more.';
comment on column metrics_history.recorded_at is 'When this revision was written, by the clock of the worker.';

create view metrics_over_time as
select metric, span, dimension, member, as_of, numerator, denominator, value, low, high, revision, recorded_at
from (
    select distinct on (span, dimension, metric, member, as_of) *
    from metrics_history
    order by span, dimension, metric, member, as_of, revision desc
) as latest
where denominator > 0;

comment on view metrics_over_time is 'The latest revision of each reading of metrics_history: the figures as they stand.';

-- one row per moment of a span that metrics_history knows: where it has no reading of it, there was nothing to count
-- doubtful: an event that happened before the moment came after it was read; it will be read again
create table history_moments (
    span text collate "C" not null,
    as_of timestamptz not null,
    recorded_at timestamptz not null,
    doubtful boolean not null,
    primary key (span, as_of)
);
create index history_moments_as_of on history_moments (as_of);

-- the readings of a moment on their way into metrics_history: empty between transactions
create unlogged table mirror_staged (like mirror_readings);
