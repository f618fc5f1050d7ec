-- response_rate: Surveys answered per invitation sent.
-- unit: share; above 1 where answers come without or before invitations, and then without interval
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: AAPOR Standard Definitions: response rate, by window and not by cohort
select
    kind = 'survey' as numerator,
    kind = 'invitation' as denominator,
from fact
