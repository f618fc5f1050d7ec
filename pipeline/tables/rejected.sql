-- one row per rejected record; a key or payload too long for a row is null here and stands in pieces
create table internal.rejected (
    topic varchar not null,
    partition integer not null,
    "offset" bigint not null,
    reason varchar not null,
    detail varchar not null,
    key blob,
    payload blob,
    bytes bigint not null,
    rejected_at timestamptz not null,
);
