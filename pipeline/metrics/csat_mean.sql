-- csat_mean: Mean satisfaction.
-- unit: points, 1..5
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 10004:2018
select
    csat as numerator,
    csat is not null as denominator,
    csat * csat as squares,
from fact
