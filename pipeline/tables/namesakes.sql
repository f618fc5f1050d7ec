-- one row per contact whose contact_id is borne by another contact too (rare); of these the smallest
-- (occurred_at, source, id) is the one that surveys, invitations and reopens mean
-- `posted`: the transaction that found it
create table internal.namesakes (
    posted bigint not null,
    contact_hash bigint not null,
    occurred_at timestamptz not null,
    source varchar not null,
    id varchar not null,
);
