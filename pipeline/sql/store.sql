-- fresh events are stored, each with what it counts for as far as it can be known
insert into internal.events by name
select * exclude (n), $ingested_at::timestamptz as ingested_at, $posted as posted,
from stored
