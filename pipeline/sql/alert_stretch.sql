select sign, {fact_columns}, epoch_us(occurred_at) + {back} as at_us,
    from internal.facts
    where occurred_at > make_timestamptz({after_us} - {back}) and occurred_at <= make_timestamptz({until_us} - {back})
        and {of_member}
    union all
    select sign, {fact_columns}, occurred_us + {back},
    from internal.revisions
    where occurred_us > {after_us} - {back} and occurred_us <= {until_us} - {back}
        and {of_member}
