-- one row per revision of which cells say too little (known by then, but not in them) or too much (the
-- contrary), with its place; settled_us_0 is the earliest of all edges, as_of_us the latest
late as materialized (
    select {late_columns}, occurred_us, sign, 'tail' as place,
    from internal.revisions
    inner join edges on posted > folded and visible_us <= as_of_us
        and occurred_us > settled_us_0 and occurred_us <= as_of_us
    union all
    select {late_columns}, occurred_us, sign, 'broken hour',
    from internal.revisions
    inner join edges on posted <= folded and visible_us <= as_of_us
        and occurred_us > settled_us_0 and occurred_us <= as_of_us
    where internal.hour_of(occurred_us) in (select unnest([{hours}]) from edges)
    union all
    select {late_columns}, occurred_us, -sign, 'whole hour',
    from internal.revisions
    inner join edges on posted <= folded and visible_us > as_of_us
        and occurred_us > settled_us_0 and occurred_us <= as_of_us
),
