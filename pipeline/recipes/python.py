# DuckDB in Python
# Needs: pip install duckdb==1.5.5
# Run: firsthand connect python --db x.duckdb | python
import os

import duckdb

con = duckdb.connect()
con.execute("attach 'quack:127.0.0.1:9494' as cx (token $1)", [os.environ["FIRSTHAND_TOKEN"]])
con.sql("""
    from cx.query($$
        select member, value, low, high
        from metrics
        where metric = 'csat' and span = '28d' and dimension = 'channel'
        order by member
    $$)
""").show()
