-- a first contact's resolution ends when it is repeated or reopened, and not before
insert into internal.revisions
    (posted, occurred_us, visible_us, sign, kind, {dimensions}, outcome, resolved_first)
with breaks as (
    select k, occurred_us, broken_us as visible_us, -1 as sign,
    from changed
    where is_first and broken_us > occurred_us
        and not (was_first and was_broken_us is not distinct from broken_us)
    union all
    select k, occurred_us, was_broken_us as visible_us, 1 as sign,
    from changed
    where was_first and was_broken_us > occurred_us
        and not (is_first and was_broken_us is not distinct from broken_us)
)

select
    (select posted from internal.progress),
    breaks.occurred_us, visible_us, sign, 'follow_up', {dimensions}, outcome, 1,
from fresh
inner join breaks on breaks.k = -1 - fresh.n
union all
select
    (select posted from internal.progress),
    breaks.occurred_us, visible_us, sign, 'follow_up', {dimensions}, outcome, 1,
from internal.events as event
inner join breaks on breaks.k = event.rowid
