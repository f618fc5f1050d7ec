"""From fresh events to facts: what a batch adds to the sums, and what it takes back.

The statements in order (all in the caller's transaction): link (events that share a contact_id), pool
(inbound contacts near the batch's), follow up without the batch and with it, answer, store, correct and
revise. Nothing is kept but facts: the state before is computed again from the rows, so that it cannot
drift from them.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline import fields
from pipeline.database import registered
from pipeline.fields import ANSWERS, DIMENSIONS, INHERITED
from pipeline.follow_up import State, follow_up
from pipeline.settings import Definitions
from pipeline.sql import fill, load

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TYPES = {
    "contact": fields.CONTACT,
    "survey": fields.SURVEY,
    "invitation": fields.INVITATION,
    "reopen": fields.REOPEN,
    "erasure": fields.ERASURE,
}
"""The event types, by the names that the statements have for them."""


def freshen(definitions: Definitions) -> str:
    """The statement that makes `fresh`, with hashes of the keys that these definitions name."""
    return _statement(
        "fresh", key=", ".join(definitions.follow_up_key), columns=", ".join((*DIMENSIONS, *ANSWERS))
    )


def post(con: DuckDBPyConnection, freshen: str, events: pa.Table, ingested_at: datetime) -> None:
    """Store accepted events and post their facts. `freshen`: the statement that makes `fresh` of them."""
    con.execute("update internal.progress set posted = posted + 1")
    (posted,) = con.execute("select posted from internal.progress").fetchall()[0]
    transaction = {"posted": posted}
    with registered(con, {"accepted": events}):
        con.execute(freshen)
        for statement in _LINK:
            con.execute(statement)
        for statement in _NOTE:
            con.execute(statement, transaction)
        _gather(con)
        con.execute(_CHANGE, transaction)
        con.execute(_ANSWER)
    with registered(con, {"stored": _with_facts(con, events)}):
        con.execute(load("store"), {**transaction, "ingested_at": ingested_at})
    con.execute(_REVISE, transaction)


def _with_facts(con: DuckDBPyConnection, events: pa.Table) -> pa.Table:
    """The events, each with what it counts for: small results scattered, as wide rows cost more to join."""
    numbers = events["n"].to_numpy()
    row_of = np.zeros(numbers.max(initial=0) + 1, np.int64)
    row_of[numbers] = np.arange(len(numbers))
    for query in _FACTS:
        found = con.execute(query).fetchnumpy()
        rows = row_of[found.pop("n")]
        for name, values in found.items():
            column = np.zeros(len(numbers), values.dtype)
            column[rows] = values
            events = events.append_column(name, pa.array(column))
    hashes = con.execute("select contact_hash, key_hash from fresh order by rowid").to_arrow_table()
    for name in hashes.column_names:
        events = events.append_column(name, hashes[name])
    return events


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


_LINK = (
    _statement("relatives"),
    _statement("link", columns=", ".join((*DIMENSIONS, *ANSWERS))),
    _statement("bear"),
)
_NOTE = (_statement("note_reopens"), _statement("note_namesakes"))
_TOUCH = _statement("touch")
_POOL = _statement("pool", columns=_listed("event.{}", DIMENSIONS))
_TIE = _statement("tie")
_CHANGE = _statement(
    "change",
    follow_up=follow_up(
        "contacts",
        "internal.reopens",
        "tie",
        (
            State("contact.overshadowed is null"),
            State(
                "reopen.posted < $posted and coalesce(contact.overshadowed >= $posted, true)",
                ("is_fresh",),
                "was_",
            ),
        ),
    ),
)
_ANSWER = _statement(
    "answer",
    answer=_listed("event.{}", ("type", *DIMENSIONS, *ANSWERS)),
    inherited=_listed("if(event.{0} = 0, coalesce(contact.{0}, 0), 0) as inherited_{0}", INHERITED),
    nothing=_listed("0 as inherited_{}", INHERITED),
)
_FACTS = (
    "select -1 - k as n, first_contacts, resolved_first from changed where is_fresh",
    (
        f"select -1 - k as n, {_listed('inherited_{}', INHERITED)} from answered "
        "where k < 0 and visible_us = occurred_us"
    ),
)
"""What fresh events count for, by n."""

_REVISE = _statement(
    "revise",
    dimensions=", ".join(DIMENSIONS),
    counted=", ".join(
        f"{name} + inherited_{name} as {name}" if name in INHERITED else name for name in DIMENSIONS
    ),
    answers=", ".join(ANSWERS),
)
