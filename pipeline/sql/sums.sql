-- the sums of one kind of window, per member of each dimension and per stretch between two neighbouring
-- edges of the windows asked for; a stretch bears the name of its upper edge, until_us
--
-- Whole days and whole hours come from cells. The facts themselves are read where cells cannot help: in
-- the hours that an edge breaks, and in the tail that is not folded yet. Cells hold what became known
-- later (`revisions`) as if it had always been known: what was not known at as_of is taken back.
{window}_buckets as (
    select internal.hour_bucket(hour) as bucket, {until_of_hour} as until_us,
    from edges, (
        select distinct unnest([{days}]) * 24 + hour_of_day as hour,
        from edges, range(24) as hours (hour_of_day)
    )
    where hour > {window}_hour_0 and hour < {window}_hour_{last} and hour not in ({hours})
    union all
    select internal.day_bucket(day), {until_of_day},
    from edges, (
        select unnest(range(greatest({window}_day_0 + 1, 0), least({window}_day_{last}, 4000000))) as day,
        from edges
    )
    where day not in ({days})
),

{window}_raw as materialized (
    select sign, {fact_columns}, epoch_us(occurred_at) as occurred_us,
    from internal.facts
    inner join edges on posted > folded
    where occurred_at > make_timestamptz({window}_us_0) and occurred_at <= make_timestamptz({window}_us_{last})
    {broken_hours}
    union all
    select sign, {fact_columns}, occurred_us,
    from late, edges
    where occurred_us > {window}_us_0 and occurred_us <= {window}_us_{last} and case place
        when 'broken hour' then internal.hour_of(occurred_us) in ({hours})
        when 'whole hour' then internal.hour_of(occurred_us) not in ({hours})
        else true
    end
),

{window}_parts as (
    select {until_of_moment} as until_us, {contributions},
        {dimensions},
    from {window}_raw as fact, edges
),

{window}_stretches as (
    select until_us, dim, member, {totals}
    from (
        select until_us, kept as dim, {member} as member, {columns}
        from {window}_parts, (select distinct kept from dims)
        {cells}
    )
    group by all
),

{window} as (
    select spans.span as span, dims.dim as dim, if(dims.dim = dims.kept, member, 1) as member, {totals}
    from {window}_stretches as stretch
    inner join dims on dims.kept = stretch.dim
    inner join spans on stretch.until_us > spans.{window}_after_us
    group by all
),
