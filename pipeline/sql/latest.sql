-- the last transaction that posted anything since another, and the latest moment of what was posted since
select max(posted), max(occurred_at)
from internal.events
where posted > $posted
