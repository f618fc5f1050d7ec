-- effort_easy: Share of customers who found it at least somewhat easy: effort 5 to 7.
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: Gartner, CES 2.0 (share who agree)
select
    effort >= 5 as numerator,
    effort is not null as denominator,
from fact
