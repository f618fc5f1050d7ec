-- one row per accepted reopen: a narrow copy, so that a batch need not search all events for them
create table internal.reopens (
    contact_id varchar not null,
    occurred_us bigint not null,
    source varchar not null,
    id varchar not null,
);
