(numerator * unit)::decimal(18, 3) as numerator,
    denominator,
    (numerator * unit)::double / denominator as value,
    case kind
        when 'share' then internal.at_most(internal.wilson(numerator, denominator, -1), value)
        when 'mean' then value - unit * internal.mean_margin(numerator, squares, denominator)
    end as low,
    case kind
        when 'share' then internal.at_least(internal.wilson(numerator, denominator, 1), value)
        when 'mean' then value + unit * internal.mean_margin(numerator, squares, denominator)
    end as high,
