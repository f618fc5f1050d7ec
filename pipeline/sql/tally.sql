-- one row per partition of the batch: what became of its records
select
    names.name as topic,
    arrivals.partition,
    count(*) as consumed,
    count(fresh.n) as accepted,
    count(stale.n) as duplicates,
    count(rejected.n) as rejected,
    count(*) filter (is_tombstone) as tombstones,
from arrivals
inner join internal.names as names on names.number = arrivals.topic
left join fresh using (n)
left join stale using (n)
left join rejected using (n)
group by all
