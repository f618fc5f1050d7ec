-- nps: Net promoter score: promoters (9-10) less detractors (0-6), as a share.
-- unit: share, -1..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: Reichheld: The One Number You Need to Grow, HBR 12/2003
select
    (nps >= 9)::tinyint - (nps <= 6)::tinyint as numerator,
    nps is not null as denominator,
    nps >= 9 or nps <= 6 as squares,
from fact
