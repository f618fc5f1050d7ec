-- one row per rejected record, kept as it came
insert into internal.rejected
select topic, partition, "offset", reason, detail, key, payload, bytes, $rejected_at::timestamptz
from rejected
