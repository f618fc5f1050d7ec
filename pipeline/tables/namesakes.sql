-- one row per contact whose contact_id is borne by another contact too (rare); of these the smallest
-- (occurred_at, source, id) is the one that surveys, invitations and reopens mean
create table internal.namesakes (
    contact_id varchar not null,
    occurred_us bigint not null,
    source varchar not null,
    id varchar not null,
);
