-- the last row of an alert once more, as its end
insert into flips
select * replace (
    $number as number, $flip as flip, 'resolved' as state, $occurred_at as occurred_at,
    $recorded_at as recorded_at, $because as because, null as revises
)
from flips
where alert = $alert
order by number desc
limit 1
