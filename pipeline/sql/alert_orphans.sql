-- the alerts that have not ended and were said by a rule as it no longer is
select alert
from alerts
inner join (select distinct alert, rule, definition from flips) using (alert, rule)
where state in ('pending', 'firing')
    and [rule, definition] not in (select unnest($rules::varchar[][]))
order by alert
