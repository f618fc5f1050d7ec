-- one row per metric x member of the asked dimensions, for one span at one moment
-- value = numerator / denominator; low, high: 95 % interval, null where there is none
create or replace macro internal.readings(as_of_us, span_length_us, dims) as table
with rolling as (
    from internal.sums_between(as_of_us - span_length_us, as_of_us, as_of_us, dims)
),

settled as (
    from internal.sums_between(
        as_of_us - internal.follow_up_us() - span_length_us,
        as_of_us - internal.follow_up_us(),
        as_of_us,
        dims
    )
),

sums as (
    select dim, member, unnest([{rolling_structs}], recursive := true)
    from rolling
    union all
    select dim, member, unnest([{settled_structs}], recursive := true)
    from settled
),

counted as (
    select *
    from sums
    where if(kind = 'count', numerator, denominator) > 0
)

select
    metric,
    dim,
    member,
    (numerator * unit)::decimal(18, 3) as numerator,
    denominator,
    (numerator * unit)::double / denominator as value,
    case kind
        when 'share' then internal.at_most(internal.wilson(numerator, denominator, -1), value)
        when 'mean' then value - unit * internal.mean_margin(numerator, squares, denominator)
    end as low,
    case kind
        when 'share' then internal.at_least(internal.wilson(numerator, denominator, 1), value)
        when 'mean' then value + unit * internal.mean_margin(numerator, squares, denominator)
    end as high,
from counted;

-- the readings at any moment: a pure function of its arguments and the accepted events
create or replace macro metrics_at(as_of, span, dimension) as table
select
    metric,
    span::varchar as span,
    dim as dimension,
    member,
    as_of::timestamptz as as_of,
    numerator,
    denominator,
    value,
    low,
    high,
from internal.readings(
    epoch_us(as_of::timestamptz),
    internal.span_us(span),
    [internal.known_dimension(dimension)]
);
