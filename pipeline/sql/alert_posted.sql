-- when the earliest and the newest event occurred that came since a transaction (null: none came)
select epoch_us(min(occurred_at)), epoch_us(max(occurred_at))
from internal.events
where posted > $posted
