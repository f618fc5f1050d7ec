-- one row per rejected record, with its original key and bytes
create table rejections (
    topic varchar not null,
    partition integer not null,
    "offset" bigint not null,
    reason varchar not null,
    detail varchar not null,
    key blob,
    payload blob not null,
    rejected_at timestamptz not null,
);
