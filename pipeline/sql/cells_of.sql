        union all
        select until_us, dim, member, {columns},
        from internal.cells_of_{counts}
        inner join {window}_buckets using (bucket)
        {of_dims}
