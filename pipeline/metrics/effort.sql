-- effort: Mean customer effort score 2.0, "made it easy for me": 7 is easiest.
-- unit: points, 1..7
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: Dixon, Ponomareff, Turner, DeLisi: The Effortless Experience (2013), CES 2.0
select
    effort as numerator,
    effort is not null as denominator,
    effort * effort as squares,
from fact
