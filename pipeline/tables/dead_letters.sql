-- one row per partition: its rejections below sent_offset have reached the dead-letter topic
create table internal.dead_letters (
    topic varchar not null,
    partition integer not null,
    sent_offset bigint not null,
);
