-- how many events every reading still sums one by one, if they count
select count(*)
from internal.events
where posted > (select folded from internal.progress)
