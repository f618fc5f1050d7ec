-- one_contact: Resolved at first contact, and nobody had to pass the customer on.
-- unit: share, 0..1
-- window: (as_of - span, as_of] on occurred_at; no row where the denominator is 0
-- source: ISO 18295-1:2017: contact resolution without transfer; denominators as fcr
select
    case when outcome is distinct from 'transferred' then resolved_first end as numerator,
    first_contacts as denominator,
from fact
