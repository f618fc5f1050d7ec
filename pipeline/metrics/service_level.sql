-- service_level: Share of contacts answered within the limit (20 seconds unless set otherwise).
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 18295-1:2017 / COPC: service level 80/20; over contacts not abandoned that have a wait
select
    outcome is distinct from 'abandoned' and wait_ms <= internal.service_level_ms() as numerator,
    outcome is distinct from 'abandoned' and wait_ms is not null as denominator,
from fact
