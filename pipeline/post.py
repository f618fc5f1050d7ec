"""From fresh events to facts: what a batch adds to the sums, and what it takes back.

The statements in order (all in the caller's transaction): link (events that share a contact_id),
gather (stored contacts near the batch's), follow up without the batch, store it, follow up with it,
post the difference. Nothing is kept but facts: the state before is computed again from the rows, so
that it cannot drift from them.
"""

from datetime import UTC, datetime, timedelta

from duckdb import DuckDBPyConnection

from pipeline.settings import Definitions
from pipeline.sql import fill, load

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIMENSIONS = ("channel", "reason", "agent_id", "team", "segment", "stage")
_ANSWERS = ("csat", "effort", "nps", "friendliness", "resolved")
_INHERITED = ("reason", "agent_id", "team", "segment", "stage")


def _event(*columns: str) -> str:
    return ", ".join(f"event.{column}" for column in columns)


_LINKED = _event(
    "source", "id", "type", "customer_id", "contact_id", "direction", "outcome", *_DIMENSIONS, *_ANSWERS
)


def follow_up(pool: str, reopens: str, definitions: Definitions) -> str:
    """The select that follows up every contact of relation `pool` (sql/follow_up.sql)."""
    return fill("follow_up", pool=pool, reopens=reopens, key=", ".join(definitions.follow_up_key))


def _pool_columns(definitions: Definitions) -> str:
    """What the follow-up needs to know of a contact."""
    return _event("key_hash", "source", "id", "contact_id", "outcome", *definitions.follow_up_key)


def post(con: DuckDBPyConnection, definitions: Definitions, ingested_at: datetime) -> None:
    """Store the temporary table `fresh` and post its facts."""
    con.execute(fill("link", linked_columns=_LINKED))
    _gather(con, definitions)
    followed = follow_up("pool", "internal.reopens", definitions)
    con.execute(f"create or replace temp table followed_before as {followed}")
    _store(con, ingested_at)
    con.execute(
        f"insert into pool select -1 - n, {_pool_columns(definitions)}, event.occurred_us, true "
        "from fresh as event where inbound"
    )
    con.execute(f"create or replace temp table followed_after as {followed}")
    con.execute("update internal.progress set posted = posted + 1")
    _post_facts(con)


def _post_facts(con: DuckDBPyConnection) -> None:
    dimensions = ", ".join(_DIMENSIONS)
    con.execute(fill("change"))
    con.execute(fill("post_contacts", dimensions=dimensions))
    con.execute(fill("post_breaks", dimensions=dimensions))
    con.execute(
        fill(
            "answer",
            answer_columns=_event("type", *_DIMENSIONS, *_ANSWERS),
            inherited=", ".join(
                f"coalesce(event.{column}, contact.{column}) as full_{column}" for column in _INHERITED
            ),
        )
    )
    for table, known in (("facts", "="), ("revisions", ">")):
        con.execute(fill("post_answers", table=table, known=known, dimensions=dimensions))


def _gather(con: DuckDBPyConnection, definitions: Definitions) -> None:
    """The stored contacts near the batch's, into the temporary table `pool`."""
    con.execute(fill("touch", key=", ".join(definitions.follow_up_key)))
    earliest, latest = con.execute("select min(from_us), max(until_us) from touched").fetchall()[0]
    con.execute(
        load("find"),
        {"earliest": _moment(earliest or 0), "latest": _moment(latest or 0)},
    )
    con.execute(fill("fetch", pool_columns=_pool_columns(definitions)))
    same_key = (f"touched.{column} is not distinct from kin.{column}" for column in definitions.follow_up_key)
    con.execute(fill("gather", same_key=" and ".join(same_key)))


def _moment(us: int) -> datetime:
    """Microseconds as a moment, held within the years that a datetime can say."""
    held = min(max(us, -62_135_596_800_000_000), 253_402_300_799_999_999)
    return _EPOCH + timedelta(microseconds=held)


def _store(con: DuckDBPyConnection, ingested_at: datetime) -> None:
    con.execute(
        "insert into internal.events by name "
        "select * exclude (n, occurred_us, inbound), $ingested_at::timestamptz as ingested_at from fresh",
        {"ingested_at": ingested_at},
    )
    con.execute(
        "insert into internal.reopens select contact_id, occurred_us, source, id from fresh "
        "where type = 'touchpoint.reopen.v1'"
    )
    con.execute(
        "insert into internal.namesakes select contact_id, occurred_us, source, id from linked "
        "where type = 'touchpoint.contact.v1' "
        "qualify count(*) over (partition by contact_id) > 1 "
        "except select contact_id, occurred_us, source, id from internal.namesakes"
    )
