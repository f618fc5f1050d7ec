-- one row per bucket of time, dimension and member, of the folds that were not compacted yet
create or replace temp table compacted as
select 0 as fold, bucket, dim, member, {totals},
from internal.cells_of_{counts}
where fold > 0
group by all
order by bucket
