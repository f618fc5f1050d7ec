-- one row per current reading: metric x span x dimension x member, as of the last refresh
create table metrics (
    metric varchar not null,
    span varchar not null,
    dimension varchar not null,
    member varchar not null,
    as_of timestamptz not null,
    numerator decimal(18, 3) not null,
    denominator bigint not null,
    value double not null,
    low double,
    high double,
);
