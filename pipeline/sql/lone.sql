union all by name
    select *, outcome is not distinct from 'abandoned' as abandoned,
    from {pool}
    anti join {several} using (k)
