-- one row per partition of the batch: what became of its records
select
    arrivals.topic,
    arrivals.partition,
    count(*) as consumed,
    count(fresh.n) as accepted,
    count(decoded.n) - count(fresh.n) as duplicates,
    count(rejected.n) as rejected,
    count(*) filter (is_tombstone) as tombstones,
from arrivals
left join decoded using (n)
left join fresh using (n)
left join rejected using (n)
anti join outside using (n)
group by all
