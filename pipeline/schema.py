"""The tables, views and macros of a new database, in the order they are made: a file each."""

from importlib.resources import files

from duckdb import DuckDBPyConnection

from pipeline import cells, fields, measure
from pipeline.connection import transaction
from pipeline.database import SCHEMA_VERSION
from pipeline.follow_up import State, follow_up
from pipeline.settings import Definitions

TABLES = (
    "definitions",
    "names",
    "events",
    "rejected",
    "pieces",
    "watermarks",
    "topics",
    "dead_letters",
    "reopens",
    "namesakes",
    "facts",
    "progress",
    "metrics",
    "refreshed",
    "flips",
    "silences",
    "notifiers",
    "deliveries",
    "outbox",
    "flips_sent",
)
VIEWS = ("name_list", "touchpoints", "rejections", "contacts", "alerts")
_CHOICES = {
    "types": fields.TYPES,
    "directions": fields.DIRECTIONS,
    "handlers": fields.HANDLERS,
    "outcomes": fields.OUTCOMES,
}


def create_schema(con: DuckDBPyConnection, definitions: Definitions) -> None:
    """Make everything, in one transaction, for numbers that mean what `definitions` say."""
    with transaction(con):
        con.execute("create schema internal")
        for table in TABLES:
            con.execute(_text("tables", table))
        con.execute(
            "insert into internal.definitions values ($version, $follow_up, $key, $service_level)",
            {
                "version": SCHEMA_VERSION,
                "follow_up": definitions.follow_up_us,
                "key": list(definitions.follow_up_key),
                "service_level": definitions.service_level_ms,
            },
        )
        cells.create_cells(con)
        create_views(con, definitions)


def create_views(con: DuckDBPyConnection, definitions: Definitions) -> None:
    """Create (or replace) what people query: `metrics_at`, `touchpoints`, `contacts`."""
    measure.create_macros(con, definitions)
    for view in VIEWS:
        con.execute(_text("views", view))


def _text(folder: str, name: str) -> str:
    """The statements of a file, with the event types, the choices of fields and the follow-up in them."""
    text = files(f"pipeline.{folder}").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    for part, choices in _CHOICES.items():
        text = text.replace("{" + part + "}", ", ".join(f"'{choice}'" for choice in choices))
    for part, event_type in fields.TYPE_PARTS.items():
        text = text.replace("{" + part + "}", event_type)
    return text.replace("{follow_up}", _FOLLOWED)


_FOLLOWED = follow_up("inbound", "seen_reopens", "occurred_us, tie", (State("contact.is_meant"),), "several")
