-- one row per topic consumed: the broker's own id of it, which a topic made again under the name has not
create table internal.topics (
    topic varchar not null,
    id varchar not null,
);
