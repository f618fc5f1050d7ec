# SQLAlchemy with duckdb-engine
# Needs: pip install duckdb==1.5.5 duckdb-engine==0.17.0 "sqlalchemy<2.1"
# Run: firsthand connect sqlalchemy --db x.duckdb | python
import os

from sqlalchemy import column, create_engine, event, inspect, select, table

engine = create_engine("duckdb:///:memory:")


@event.listens_for(engine, "connect")
def attach(con, _):
    con.execute("attach 'quack:127.0.0.1:9494' as cx (token $1)", [os.environ["FIRSTHAND_TOKEN"]])
    for name in (
        "metrics",
        "contacts",
        "touchpoints",
        "rejections",
        "flips",
        "alerts",
        "silences",
        "watermarks",
    ):
        con.execute(f"create view {name} as from cx.query('from {name}')")


views = inspect(engine)
for name in views.get_view_names():
    print(name, [each["name"] for each in views.get_columns(name)])

metrics = table("metrics", *(column(each["name"], each["type"]) for each in views.get_columns("metrics")))
wanted = (metrics.c.metric == "csat") & (metrics.c.span == "28d") & (metrics.c.dimension == "channel")
with engine.connect() as con:
    for row in con.execute(select(metrics.c.member, metrics.c.value).where(wanted)):
        print(*row)
