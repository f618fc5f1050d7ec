# ADBC, Arrow tables from DuckDB
# Needs: pip install adbc-driver-manager==1.13.0 duckdb==1.5.5 pyarrow
# Run: firsthand connect adbc --db x.duckdb | python
import os

from adbc_driver_duckdb.dbapi import connect

with connect() as con, con.cursor() as cursor:
    cursor.execute("attach 'quack:127.0.0.1:9494' as cx (token $1)", [os.environ["FIRSTHAND_TOKEN"]])
    cursor.execute("""
        from cx.query($$
            select member, value, low, high
            from metrics
            where metric = 'csat' and span = '28d' and dimension = 'channel'
            order by member
        $$)
    """)
    for row in cursor.fetch_arrow_table().to_pylist():
        print(row)
