"""Superset's own code for what a person does next: a dataset on `metrics`, and a chart of it.

Runs in Superset's environment; prints the dataset's columns and the chart's data as JSON.
"""

import json

from superset.app import create_app

METRIC = {"expressionType": "SQL", "sqlExpression": "max(value)", "label": "value"}
CHOICE = {"metric": "csat", "span": "28d", "dimension": "channel"}

with create_app().app_context():  # most of Superset can be imported only here
    from superset import db, security_manager
    from superset.charts.schemas import ChartDataQueryContextSchema
    from superset.commands.chart.data.get_data_command import ChartDataCommand
    from superset.commands.dataset.create import CreateDatasetCommand
    from superset.models.core import Database
    from superset.utils.core import override_user

    role = security_manager.add_role("Admin")
    person = security_manager.add_user("me", "M", "E", "me@example.com", role, password="mine")  # noqa: S106
    database = db.session.query(Database).filter_by(database_name="firsthand").one()
    with override_user(person):
        dataset = CreateDatasetCommand(
            {"database": database.id, "schema": "main", "table_name": "metrics"}
        ).run()
        query = {
            "columns": ["member"],
            "metrics": [METRIC],
            "filters": [{"col": name, "op": "==", "val": value} for name, value in CHOICE.items()],
        }
        asked = {"datasource": {"id": dataset.id, "type": "table"}, "queries": [query], "force": True}
        answer = ChartDataCommand(ChartDataQueryContextSchema().load(asked)).run()
        found = {
            "columns": [each.column_name for each in dataset.columns],
            "rows": answer["queries"][0]["data"],
        }
        print(json.dumps(found))  # noqa: T201
