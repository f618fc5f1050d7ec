-- one row: what the numbers of this database were made with; another version or other definitions
-- need a new database (`firsthand replay`)
create table internal.definitions (
    schema_version integer not null,
    follow_up_us bigint not null,
    follow_up_key varchar[] not null,
    service_level_ms bigint not null,
);
