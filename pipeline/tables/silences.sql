-- one row per silence: alerts that it matches are recorded and shown, and nobody is told
-- rule, dimension, member: null matches any
create table silences (
    silence varchar not null,
    rule varchar,
    dimension varchar,
    member varchar,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    comment varchar not null,
);
