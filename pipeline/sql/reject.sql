-- one row per rejected record, kept as it came
insert into rejections
select name, partition, "offset", reason, detail, key, payload, $rejected_at::timestamptz
from rejected
inner join arrivals using (n)
inner join internal.names on names.number = arrivals.topic
order by n
