-- DuckDB on the command line
-- Needs: pip install duckdb-cli==1.5.5
-- Run: firsthand connect cli --db x.duckdb | duckdb
attach 'quack:127.0.0.1:9494' as cx (token getenv('FIRSTHAND_TOKEN'));

from cx.query($$
    select member, value, low, high
    from metrics
    where metric = 'csat' and span = '28d' and dimension = 'channel'
    order by member
$$);
