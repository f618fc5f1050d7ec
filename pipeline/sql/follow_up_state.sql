not abandoned and coalesce({prefix}previous_us < occurred_us - internal.follow_up_us(), true) as {first},
    case when {prefix}next_us <= occurred_us + internal.follow_up_us() then {prefix}next_us end
        as {prefix}repeated_us,
    {prefix}reopened_us,
    case
        when outcome in ('unresolved', 'escalated') then occurred_us
        else least({prefix}repeated_us, {prefix}reopened_us)
    end as {prefix}broken_us
