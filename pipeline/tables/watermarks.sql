-- one row per partition: the next offset to consume, and what became of all records before it
-- conservation: consumed = accepted + duplicates + rejected + tombstones, at every commit
create table watermarks (
    topic varchar not null,
    partition integer not null,
    next_offset bigint not null,
    consumed bigint not null,
    accepted bigint not null,
    duplicates bigint not null,
    rejected bigint not null,
    tombstones bigint not null,
);
