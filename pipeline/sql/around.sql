-- the times within which contacts matter: 2F around those touched
-- (a change reaches contacts within F, and each of these is judged by what lies within F of it)
select min(occurred_us) - 2 * internal.follow_up_us(), max(occurred_us) + 2 * internal.follow_up_us()
from touched
