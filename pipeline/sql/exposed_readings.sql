-- the current readings of the dimensions $by: of each the $most members with most contacts or answers in the
-- longest window
with members as (
    select dimension, member, max(if(metric = 'contacts', numerator, denominator)) as size
    from metrics
    where dimension in (select unnest($by::varchar[])) and span = '28d'
    group by dimension, member
    qualify row_number() over (partition by dimension order by size desc, member) <= $most
)

select metric, span, dimension, member, value, low, high, denominator
from metrics
semi join members using (dimension, member)
order by metric, dimension, member, span;
