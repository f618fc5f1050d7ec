-- the facts of a stretch of time, as known now, each with what it adds to the metrics that rules follow
-- at_us: when it counts, which for what is settled is the follow-up F later
select occurred_us + {back} as at_us, {members}, {quantities}
from (
    select sign, {fact_columns}, epoch_us(occurred_at) as occurred_us,
    from internal.facts
    where occurred_at > make_timestamptz($after_us - {back}) and occurred_at <= make_timestamptz($until_us - {back})
    union all
    select sign, {fact_columns}, occurred_us,
    from internal.revisions
    where occurred_us > $after_us - {back} and occurred_us <= $until_us - {back}
) as fact
where {anything}
