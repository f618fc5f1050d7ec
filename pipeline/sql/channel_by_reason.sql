-- one row per channel and reason with anything of one metric in its window, as `metrics_at` would give it
-- if it knew two dimensions: the same facts, the same formulas, no cells
with fact as (
    select sign, {fact_columns},
    from internal.facts
    where occurred_at > make_timestamptz({after_us}) and occurred_at <= make_timestamptz({until_us})
    union all
    select sign, {fact_columns},
    from internal.revisions
    where occurred_us > {after_us} and occurred_us <= {until_us} and visible_us <= epoch_us($as_of)
),

summed as (
    select channel, reason, {totals},
    from (select channel, reason, {contributions} from fact)
    group by all
),

counted as (
    select channel, reason, '{kind}' as kind, {unit} as unit,
        {numerator} as numerator, {denominator} as denominator, {squares} as squares,
    from summed
)

select
    channels.name as channel,
    reasons.name as reason,
    {figures}
from counted
inner join internal.names as channels on channels.number = counted.channel
inner join internal.names as reasons on reasons.number = counted.reason
where if(kind = 'count', counted.numerator, counted.denominator) > 0
order by channel, reason
