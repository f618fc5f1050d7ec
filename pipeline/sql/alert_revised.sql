-- when the earliest and the newest of the facts occurred that were revised since a transaction (null: none were)
select min(occurred_us), max(occurred_us)
from internal.revisions
where posted > $posted and ({anything})
