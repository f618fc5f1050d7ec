-- one row per topic: flips up to this number have reached it
create table internal.flips_sent (
    topic varchar not null,
    number bigint not null,
);
