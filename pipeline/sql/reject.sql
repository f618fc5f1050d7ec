-- one row per rejected record, kept as it came
insert into rejections
select topic, partition, "offset", reason, detail, key, payload, $rejected_at::timestamptz
from rejected
