-- who brought the most of a fall: per member of the other dimensions, how much worse its answers were than
-- they used to be in the weeks before (or, where it had none, than everybody's), as a share of the whole;
-- only who brought more than its answers alone would, since who has most of the answers has most of anything
with fact as (
    {facts}
),

sums as (
    select
        case {dimension_of} end as dimension,
        coalesce({members}) as member,
        coalesce(sum(sign * ({bad})::bigint) filter (at_us >= $began_us), 0) as bad,
        coalesce(sum(sign * ({denominator})::bigint) filter (at_us >= $began_us), 0) as answers,
        sum(sign * ({bad})::bigint) filter (at_us < $began_us)
            / nullif(sum(sign * ({denominator})::bigint) filter (at_us < $began_us), 0) as usual,
    from fact
    where {anything}
    group by grouping sets ((), {sets})
),

whole as (
    select bad - answers * usual as excess, usual, answers,
    from sums
    where dimension = 'all'
)

select
    dimension,
    names.name,
    (bad - sums.answers * coalesce(sums.usual, whole.usual)) / whole.excess as share,
from sums
cross join whole
inner join internal.names as names on names.number = sums.member
where dimension <> 'all' and names.number > 0 and whole.excess > 0 and share - sums.answers / whole.answers >= $least
order by share - sums.answers / whole.answers desc, dimension, name
limit $most
