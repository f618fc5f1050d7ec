-- the facts of a stretch of time, as known now, each with what it adds to the metrics that rules follow
-- at_us: when it counts, which for what is settled is the follow-up F later
select at_us, {members}, {quantities}
from (
    {facts}
) as fact
where {anything}
