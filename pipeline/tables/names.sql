-- one row per text of a dimension, a source or a topic: events and sums hold its number (names.py)
create table internal.names (
    number integer not null,
    name varchar not null,
);
insert into internal.names values (0, '(none)'), (1, 'all');
