-- what turns out otherwise: whether a stored contact was a first one, and resolved; when a first contact's
-- resolution ended, which is no earlier than it was repeated or reopened; from whom an answer takes its
-- dimensions, once both have happened
insert into internal.revisions by name
with follow_ups as (
    select *, occurred_us as visible_us, 1 as sign, first_contacts as firsts, resolved_first as resolved,
    from changed
    where not is_fresh and (first_contacts <> 0 or resolved_first <> 0)
    union all
    select *, broken_us, -1, 0, 1
    from changed
    where is_first and broken_us > occurred_us
        and not (was_first and was_broken_us is not distinct from broken_us)
    union all
    select *, was_broken_us, 1, 0, 1
    from changed
    where was_first and was_broken_us > occurred_us
        and not (is_first and was_broken_us is not distinct from broken_us)
)

select
    $posted as posted, occurred_us, visible_us, sign, 'follow_up' as kind, {dimensions}, outcome,
    firsts as first_contacts, resolved as resolved_first,
from follow_ups
union all by name
select
    $posted as posted, occurred_us, visible_us, sign,
    if(type = '{survey}', 'survey', 'invitation') as kind,
    {counted},
    {answers},
from answered
where visible_us > occurred_us or k >= 0
