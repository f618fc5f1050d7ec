    union all
    select sign, {fact_columns}, epoch_us(occurred_at),
    from internal.facts
    inner join (from edges where {is_first}) as edges on
        posted <= folded and occurred_at >= {window}_from_{first} and occurred_at < {window}_before_{until}
