-- abandonment: Share of inbound contacts that the customer gave up.
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 18295-1:2017; COPC: abandon rate (no short-abandon threshold)
select
    kind = 'contact' and outcome is not distinct from 'abandoned' as numerator,
    kind = 'contact' as denominator,
from fact
