-- at most one row: the moment that `metrics` and `contacts` speak of
create table internal.refreshed (
    as_of timestamptz not null,
);
