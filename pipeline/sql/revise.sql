-- a first contact's resolution ends when it is repeated or reopened, and not before; an answer takes its
-- contact's dimensions when that has begun
insert into internal.revisions by name
with breaks as (
    select *, broken_us as visible_us, -1 as sign,
    from changed
    where is_first and broken_us > occurred_us
        and not (was_first and was_broken_us is not distinct from broken_us)
    union all
    select *, was_broken_us, 1
    from changed
    where was_first and was_broken_us > occurred_us
        and not (is_first and was_broken_us is not distinct from broken_us)
)

select
    $posted as posted, occurred_us, visible_us, sign, 'follow_up' as kind, {dimensions}, outcome,
    1 as resolved_first,
from breaks
union all by name
select
    $posted as posted, occurred_us, visible_us, sign,
    if(type = '{survey}', 'survey', 'invitation') as kind,
    {counted},
    {answers},
from answered
where visible_us > occurred_us
