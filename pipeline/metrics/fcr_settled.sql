-- fcr_settled: First-contact resolution of contacts whose follow-up F has fully passed.
-- unit: share, 0..1
-- window: (as_of - F - span, as_of - F] on occurred_at; no row where the denominator is 0
-- note: the window is moved back by F: (as_of - F - span, as_of - F]
-- source: as fcr
select
    resolved_first as numerator,
    first_contacts as denominator,
from fact
