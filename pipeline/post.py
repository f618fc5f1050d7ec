"""From fresh events to facts: what a batch adds to the sums, and what it takes back.

The statements in order (all in the caller's transaction): link (events that share a contact_id), pool
(inbound contacts near the batch's), follow up without the batch and with it, answer, store, correct and
revise. Nothing is kept but facts: the state before is computed again from the rows, so that it cannot
drift from them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from duckdb import DuckDBPyConnection

from pipeline import fields
from pipeline.fields import ANSWERS, DIMENSIONS, INHERITED
from pipeline.settings import Definitions
from pipeline.sql import fill

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {
    "contact": fields.CONTACT,
    "survey": fields.SURVEY,
    "invitation": fields.INVITATION,
    "reopen": fields.REOPEN,
    "erasure": fields.ERASURE,
}
"""The event types, by the names that the statements have for them."""


def follow_up(pool: str, reopens: str, ties: str, is_meant: str) -> str:
    """The select that follows up every contact of relation `pool` (sql/follow_up.sql).

    `ties`: the columns of `pool` that order equal instants; `is_meant`: whether a reopen of its
    contact_id means this `contact`, as SQL.
    """
    return fill("follow_up", pool=pool, reopens=reopens, ties=ties, is_meant=is_meant)


def freshen(definitions: Definitions) -> str:
    """The statement that sets the fresh events apart, with the hashes of their keys."""
    return fill("fresh", key=", ".join(definitions.follow_up_key), **TYPES)


def post(con: DuckDBPyConnection, ingested_at: datetime) -> None:
    """Store the temporary table `fresh` and post its facts."""
    con.execute("update internal.progress set posted = posted + 1")
    (posted,) = con.execute("select posted from internal.progress").fetchall()[0]
    transaction = {"posted": posted}
    for statement in _LINK:
        con.execute(statement)
    for statement in _NOTE:
        con.execute(statement, transaction)
    _gather(con)
    con.execute(_CHANGE, transaction)
    con.execute(_ANSWER)
    con.execute(_STORE, {**transaction, "ingested_at": ingested_at})
    for statement in _CORRECT:
        con.execute(statement, transaction)


def _gather(con: DuckDBPyConnection) -> None:
    """The contacts near the batch's, and the batch's own, into the temporary table `pool`."""
    con.execute(_TOUCH)
    earliest, latest = con.execute("select min(from_us), max(until_us) from touched").fetchall()[0]
    con.execute(_POOL, {"earliest": _moment(earliest or 0), "latest": _moment(latest or 0)})
    con.execute(_TIE)


def _moment(us: int) -> datetime:
    """Microseconds as a moment, held within the years that a datetime can say."""
    held = min(max(us, -62_135_596_800_000_000), 253_402_300_799_999_999)
    return _EPOCH + timedelta(microseconds=held)


def _listed(template: str, names: tuple[str, ...]) -> str:
    return ", ".join(template.format(name) for name in names)


def _statement(name: str, **parts: str) -> str:
    """A statement with its parts, the event types among them."""
    return fill(name, **TYPES, **parts)


_COUNTED = ", ".join(
    f"{name} + inherited_{name} as {name}" if name in INHERITED else name for name in DIMENSIONS
)
_PARTS: Mapping[str, str] = {
    "dimensions": ", ".join(DIMENSIONS),
    "counted": _COUNTED,
    "answers": ", ".join(ANSWERS),
}
_LINK = (
    _statement("relatives"),
    _statement("link", columns=", ".join(("type", *DIMENSIONS, *ANSWERS))),
    _statement("bear"),
)
_NOTE = (_statement("note_reopens"), _statement("note_namesakes"))
_TOUCH = _statement("touch")
_POOL = _statement("pool", columns=_listed("event.{}", (*DIMENSIONS, "outcome")))
_TIE = _statement("tie")
_CHANGE = _statement(
    "change",
    follow_up_before=follow_up(
        "stored", "older_reopens", "tie", "coalesce(contact.overshadowed >= $posted, true)"
    ),
    follow_up_after=follow_up("contacts", "internal.reopens", "tie", "contact.overshadowed is null"),
)
_ANSWER = _statement(
    "answer",
    answer=_listed("event.{}", ("type", *DIMENSIONS, *ANSWERS)),
    inherited=_listed("if(event.{0} = 0, coalesce(contact.{0}, 0), 0) as inherited_{0}", INHERITED),
    nothing=_listed("0 as inherited_{}", INHERITED),
)
_STORE = _statement("store", inherited=_listed("coalesce(inherited_{0}, 0) as inherited_{0}", INHERITED))
_CORRECT = (_statement("correct", **_PARTS), _statement("revise", **_PARTS))
