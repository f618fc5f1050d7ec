-- the sums of every metric of one kind of window over facts with occurred_us in (after_us, until_us] that can be known at
-- seen_us, per member of each dimension in `dims`
--
-- Whole hours come from `cells`; what cells do not hold comes from the facts themselves: the broken
-- hours at both edges, and the tail that is not folded yet. Late knowledge (`revisions`) likewise, by
-- day of occurrence and day of becoming known, since one is summed only once it can be seen.
create or replace macro internal.{window}_sums(after_us, until_us, seen_us, dims) as table
with raw as (
    select {fact_columns}
    from internal.facts
    where posted > (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us
    union all
    select {fact_columns}
    from internal.facts
    where posted <= (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us
        and occurred_us < internal.hour_start(internal.hour_of(after_us) + 1)
    union all
    select {fact_columns}
    from internal.facts
    where posted <= (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us
        and occurred_us >= internal.hour_start(
            greatest(internal.hour_of(after_us) + 1, internal.hour_of(until_us + 1))
        )
    union all
    select {fact_columns}
    from internal.revisions
    where posted > (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us and visible_us <= seen_us
    union all
    select {fact_columns}
    from internal.revisions
    where posted <= (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us and visible_us <= seen_us
        and occurred_us < internal.day_start(internal.day_of(after_us) + 1)
    union all
    select {fact_columns}
    from internal.revisions
    where posted <= (select folded from internal.progress)
        and occurred_us > after_us and occurred_us <= until_us and visible_us <= seen_us
        and occurred_us >= internal.day_start(
            greatest(internal.day_of(after_us) + 1, internal.day_of(until_us + 1))
        )
    union all
    select {fact_columns}
    from internal.revisions
    where posted <= (select folded from internal.progress)
        and visible_us <= seen_us
        and visible_us >= internal.day_start(internal.day_of(seen_us + 1))
        and occurred_us >= internal.day_start(internal.day_of(after_us) + 1)
        and occurred_us < internal.day_start(internal.day_of(until_us + 1))
),

parts as (
    select dim, {member} as member, {contributions}
    from raw as fact, (select unnest(dims) as dim)
    union all
    select dim, member, {sum_columns}
    from internal.cells
    where hour > internal.hour_of(after_us) and hour < internal.hour_of(until_us + 1)
        and dim in (select unnest(dims))
    union all
    select dim, member, {sum_columns}
    from internal.revision_cells
    where day > internal.day_of(after_us) and day < internal.day_of(until_us + 1)
        and visible_day < internal.day_of(seen_us + 1)
        and dim in (select unnest(dims))
)

select dim, member, {totals}
from parts
group by dim, member;
