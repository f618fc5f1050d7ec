-- what turns out otherwise: whether a stored contact was a first one, and resolved; when a first contact's
-- resolution ended, which is no earlier than it was repeated or reopened; from whom an answer takes its
-- dimensions, once both have happened
insert into internal.revisions by name
with follow_ups as (
    select k, occurred_us as visible_us, 1 as sign, first_contacts as firsts, resolved_first as resolved,
    from changed
    where not is_fresh and (first_contacts <> 0 or resolved_first <> 0)
    union all
    select k, broken_us, -1, 0, 1
    from changed
    where is_first and broken_us > occurred_us
        and not (was_first and was_broken_us is not distinct from broken_us)
    union all
    select k, was_broken_us, 1, 0, 1
    from changed
    where was_first and was_broken_us > occurred_us
        and not (is_first and was_broken_us is not distinct from broken_us)
),

-- of a fresh answer whose contact is no later, nothing turns out otherwise
answers as (
    select *
    from answered
    where k >= 0 or contact_us > occurred_us
),

versions as (
    select weight as sign, occurred_us as visible_us, * replace ({nothing}),
    from answers
    where contact_us is null or contact_us > occurred_us
    union all
    select -weight, contact_us, * replace ({nothing}),
    from answers
    where contact_us > occurred_us
    union all
    select weight, greatest(contact_us, occurred_us), *,
    from answers
    where contact_us is not null
)

select
    $posted as posted, occurred_us, visible_us, sign, 'follow_up' as kind, {dimensions}, outcome,
    firsts as first_contacts, resolved as resolved_first,
from follow_ups
inner join pool using (k)
union all by name
select
    $posted as posted, occurred_us, visible_us, sign,
    if(type = '{survey}', 'survey', 'invitation') as kind,
    {counted},
    {answers},
from versions
where k >= 0 or visible_us > occurred_us
order by occurred_us -- as events nearly are: what reads them in order of time has less to sort
