-- one row per member of whom something came since a transaction, and when the latest of that occurred
select {member} as member, max(epoch_us(occurred_at)),
from internal.events
where posted > $posted and {member} <> 0 -- what has no channel is nobody's silence
group by member
