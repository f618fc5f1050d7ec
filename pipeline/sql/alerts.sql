-- alerts with the end of the silence that matches each at $moment: what fires first, then what is pending, then the
-- latest ended; at most $live of the first two, $ended of the others (null: all)
with shown as (
    select
        *,
        state in ('firing', 'pending') as is_live,
        (
            select max(ends_at)
            from silences
            where
                coalesce(silences.rule, alerts.rule) = alerts.rule
                and coalesce(silences.dimension, alerts.dimension) = alerts.dimension
                and coalesce(silences.member, alerts.member) = alerts.member
                and starts_at <= $moment
                and $moment < ends_at
        ) as silenced_until,
        row_number() over (
            partition by is_live
            order by
                state = 'pending',
                list_position(['critical', 'warning', 'info'], severity),
                coalesce(ended_at, firing_at, began_at) desc,
                alert
        ) as place,
    from alerts
    where $alert::varchar is null or alert = $alert
)

select * exclude (is_live, place)
from shown
where place <= coalesce(if(is_live, $live::bigint, $ended::bigint), place)
order by is_live desc, place;
