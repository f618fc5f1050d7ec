-- how many facts every reading still sums one by one
select count(*)
from internal.facts
where posted > (select folded from internal.progress)
