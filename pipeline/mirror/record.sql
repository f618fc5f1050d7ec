-- the staged readings of a moment become history where they differ from what it has; what it has and is not
-- staged is withdrawn
with known as (
    select distinct on (span, dimension, metric, member) *
    from metrics_history
    where as_of = %(as_of)s and span = any(%(spans)s)
    order by span, dimension, metric, member, revision desc
)

insert into metrics_history (
    metric, span, dimension, member, as_of, numerator, denominator, value, low, high, revision, recorded_at
)
select
    metric,
    span,
    dimension,
    member,
    %(as_of)s,
    coalesce(staged.numerator, 0),
    coalesce(staged.denominator, 0),
    staged.value,
    staged.low,
    staged.high,
    coalesce(known.revision, 0) + 1,
    %(recorded_at)s
from mirror_staged as staged
full join known using (span, dimension, metric, member)
where
    (staged.numerator, staged.denominator, staged.value, staged.low, staged.high)
    is distinct from (known.numerator, known.denominator, known.value, known.low, known.high)
    and (staged.span is not null or known.denominator > 0)
