"""Which flips have reached the topic of alerts: all up to a number."""

from duckdb import DuckDBPyConnection

from pipeline.alerting.delivery.flip import Flip, flips, numbers_after
from pipeline.connection import one, transaction


def unsent_flips(con: DuckDBPyConnection, topic: str, limit: int) -> list[Flip]:
    """The first flips that are not known to be in the topic."""
    sent = one(con, "select number from internal.flips_sent where topic = $topic", {"topic": topic})
    numbers = numbers_after(con, sent or 0, limit)
    return flips(con, numbers) if numbers else []


def mark_flips_sent(con: DuckDBPyConnection, topic: str, number: int) -> None:
    """Remember that the flips up to this number are in the topic."""
    with transaction(con):
        con.execute("delete from internal.flips_sent where topic = $1", [topic])
        con.execute("insert into internal.flips_sent values ($1, $2)", [topic, number])
