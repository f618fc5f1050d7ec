-- one row per accepted reopen: a narrow copy, so that a batch need not search all events for them
create table internal.reopens (
    posted bigint not null,
    contact_hash bigint not null,
    occurred_us bigint not null,
);
