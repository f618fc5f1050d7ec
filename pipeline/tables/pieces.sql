-- one row per piece of a rejected record's long key or payload (part), numbered from 0
create table internal.pieces (
    topic varchar not null,
    partition integer not null,
    "offset" bigint not null,
    part varchar not null,
    number integer not null,
    piece blob not null,
);
