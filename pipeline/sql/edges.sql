-- one row: where the windows asked for begin and end, in microseconds, with the hour and the day that each
-- edge breaks, and the part of that hour which lies within the windows
edges as materialized (
    select *, {breaks}
    from (
        select *, {moments}
        from (
            select epoch_us(({as_of})::timestamptz) as as_of_us, folded,
            from internal.progress
        )
    )
),
