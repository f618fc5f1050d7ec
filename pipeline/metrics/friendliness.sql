-- friendliness: Share of customers who found the person friendly: 4 or 5 of five (the person, not the process).
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 18295-1:2017, agent behaviour
select
    friendliness >= 4 as numerator,
    friendliness is not null as denominator,
from fact
