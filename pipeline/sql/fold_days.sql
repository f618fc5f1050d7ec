-- one row per day, dimension and member: the sums of the hours folded last
insert into internal.cells (fold, bucket, dim, member, {columns})
select fold, internal.day_bucket(bucket // 48), dim, member, {totals},
from internal.cells
where fold = $posted
group by all
