-- csat: Share of satisfied customers: the two best answers of five (top-2-box).
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 10004:2018; top-2-box as in ACSI and COPC practice
select
    csat >= 4 as numerator,
    csat is not null as denominator,
from fact
