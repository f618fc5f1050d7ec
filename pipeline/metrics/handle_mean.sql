-- handle_mean: Mean handling time, over contacts not abandoned.
-- unit: seconds
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- note: sums are in milliseconds, so that they are exact in any order; readings are in seconds
-- source: COPC: average handle time
select
    case when outcome is distinct from 'abandoned' then handle_ms end as numerator,
    outcome is distinct from 'abandoned' and handle_ms is not null as denominator,
    case when outcome is distinct from 'abandoned' then handle_ms::hugeint * handle_ms end as squares,
from fact
