-- one line per hour of accepted events, in order: what was sent, without when and where it was stored
select sha256(string_agg(line, '\n' order by occurred_at, source, id))
from (
    select
        occurred_at,
        source,
        id,
        json_array(
            source, id, type, epoch_us(occurred_at), customer_id, contact_id, channel, direction, handled_by,
            outcome, reason, agent_id, team, segment, stage, wait_s::varchar, handle_s::varchar, csat, effort,
            nps, friendliness, resolved, comment
        )::varchar as line,
    from touchpoints
)
group by internal.hour_of(epoch_us(occurred_at))
order by min(occurred_at)
