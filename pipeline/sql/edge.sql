internal.hour_of({window}_us_{n} + 1) as {window}_hour_{n},
        {window}_hour_{n} // 24 as {window}_day_{n},
        make_timestamptz(
            greatest(internal.hour_start({window}_hour_{n}), {window}_us_0 + 1)
        ) as {window}_from_{n},
        make_timestamptz(
            least(internal.hour_start({window}_hour_{n} + 1), {window}_us_{last} + 1)
        ) as {window}_before_{n},
