-- one row per rejected record, with its original key and bytes
create or replace view rejections as
with long as (
    select
        topic,
        partition,
        "offset",
        unhex(string_agg(hex(piece), '' order by number) filter (part = 'key')) as key,
        unhex(string_agg(hex(piece), '' order by number) filter (part = 'payload')) as payload,
    from internal.pieces
    group by all
)

select
    topic,
    partition,
    "offset",
    reason,
    detail,
    coalesce(rejected.key, long.key) as key,
    coalesce(rejected.payload, long.payload) as payload,
    rejected_at,
from internal.rejected
left join long using (topic, partition, "offset");
