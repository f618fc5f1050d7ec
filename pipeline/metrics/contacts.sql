-- contacts: Inbound contacts: how often customers had to get in touch.
-- unit: count, 0 or more
-- window: (as_of - span, as_of] on occurred_at; no row where the numerator is 0
-- note: a count: the denominator is 1, and there is no interval
-- source: COPC CX Standard: contact volume
select
    kind = 'contact' as numerator,
from fact
