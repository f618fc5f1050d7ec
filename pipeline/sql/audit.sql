-- one row per partition: the watermark's counts, and the rows that must bear them out
with accepted_rows as (
    select topic, partition, count(*) as accepted_rows,
    from touchpoints
    group by all
),

rejected_rows as (
    select topic, partition, count(*) as rejected_rows,
    from internal.rejected
    group by all
)

select
    topic,
    topics.id as topic_id,
    partition,
    next_offset,
    consumed,
    accepted,
    duplicates,
    rejected,
    tombstones,
    coalesce(accepted_rows, 0) as accepted_rows,
    coalesce(rejected_rows, 0) as rejected_rows,
from watermarks
full join accepted_rows using (topic, partition)
full join rejected_rows using (topic, partition)
left join internal.topics using (topic)
order by topic, partition
