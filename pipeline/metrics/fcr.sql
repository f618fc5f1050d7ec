-- fcr: First-contact resolution, as seen so far: first contacts not followed by another within F.
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- note: provisional: contacts younger than F may still be repeated; `fcr_settled` waits for them
-- source: ISO 18295-1:2017; SQM Group; see sql/follow_up.sql
select
    resolved_first as numerator,
    first_contacts as denominator,
from fact
