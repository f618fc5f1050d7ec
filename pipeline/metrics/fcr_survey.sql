-- fcr_survey: Share of customers who say it was solved at the first contact.
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: SQM Group: FCR by post-call survey
select
    resolved as numerator,
    resolved is not null as denominator,
from fact
