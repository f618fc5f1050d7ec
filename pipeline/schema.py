"""The tables, views and macros of a new database, in the order they are made: a file each."""

from importlib.resources import files

from duckdb import DuckDBPyConnection

from pipeline import measure
from pipeline.database import SCHEMA_VERSION, transaction
from pipeline.post import follow_up
from pipeline.settings import Definitions

TABLES = (
    "definitions",
    "events",
    "rejections",
    "watermarks",
    "dead_letters",
    "reopens",
    "namesakes",
    "facts",
    "progress",
    "metrics",
    "refreshed",
)
VIEWS = ("touchpoints", "contacts")


def create_schema(con: DuckDBPyConnection, definitions: Definitions) -> None:
    """Make everything, in one transaction, for numbers that mean what `definitions` say."""
    with transaction(con):
        con.execute("create schema internal")
        for table in TABLES:
            con.execute(files("pipeline.tables").joinpath(f"{table}.sql").read_text(encoding="utf-8"))
        con.execute(
            "insert into internal.definitions values ($version, $follow_up, $key, $service_level)",
            {
                "version": SCHEMA_VERSION,
                "follow_up": definitions.follow_up_us,
                "key": list(definitions.follow_up_key),
                "service_level": definitions.service_level_ms,
            },
        )
        measure.create_cells(con)
        measure.create_macros(con, definitions)
        followed = follow_up("inbound", "seen_reopens", definitions)
        for view in VIEWS:
            text = files("pipeline.views").joinpath(f"{view}.sql").read_text(encoding="utf-8")
            con.execute(text.replace("{follow_up}", followed))
