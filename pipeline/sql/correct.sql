-- whether a stored contact was a first one, and resolved, turns out otherwise; so do the dimensions that a
-- stored answer takes from its contact
insert into internal.corrections by name
select
    $posted as posted,
    make_timestamptz(occurred_us) as occurred_at,
    1 as sign,
    'follow_up' as kind,
    {dimensions},
    outcome,
    first_contacts,
    resolved_first,
from changed
where not is_fresh and (first_contacts <> 0 or resolved_first <> 0)
union all by name
select
    $posted as posted,
    make_timestamptz(occurred_us) as occurred_at,
    sign,
    if(type = '{survey}', 'survey', 'invitation') as kind,
    {counted},
    {answers},
from answered
where k >= 0 and visible_us = occurred_us
