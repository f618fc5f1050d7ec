"""From fresh events to facts: what a batch adds to the sums, and what it takes back.

The steps in order, each a file of SQL, all in the caller's transaction: fresh, relatives and kin (stored
events that share a contact_id with the batch's), bear (contacts that share one), touch and pool (inbound
contacts near the batch's), tie (which of them only texts tell apart), change (their follow-up without the
batch and with it), answer, revise, store. What is rare is asked for first (namesakes, ties). Nothing is kept
but facts: the state before is computed again from the rows, so that it cannot drift from them.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.connection import Keep, one, registered, relations
from pipeline.fields import ANSWERS, INHERITED, NAMED, TYPE_PARTS
from pipeline.follow_up import State, follow_up
from pipeline.rfc3339 import FIRST_US, LAST_US
from pipeline.settings import Definitions
from pipeline.sql import fill, load

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def freshen(definitions: Definitions) -> str:
    """The statement that makes `fresh`, with hashes of the keys that these definitions name."""
    return _statement(
        "fresh", key=", ".join(definitions.follow_up_key), columns=", ".join((*NAMED, *ANSWERS))
    )


def post(con: DuckDBPyConnection, freshen: str, events: pa.Table, ingested_at: datetime) -> None:
    """Store accepted events and post their facts. `freshen`: the select of `fresh` from them."""
    con.execute("update internal.progress set posted = posted + 1")
    (posted,) = con.execute("select posted from internal.progress").fetchall()[0]
    transaction = {"posted": posted}
    with registered(con, {"accepted": events}), relations(con) as keep:
        _gather(con, keep, freshen, transaction)
        _follow_up(con, keep, transaction)
        keep("answered", _ANSWER)
        con.execute(_REVISE, transaction)
        stored = _with_facts(con, events)
    with registered(con, {"stored": stored}):
        con.execute(load("store"), {**transaction, "ingested_at": ingested_at})


def _gather(con: DuckDBPyConnection, keep: Keep, freshen: str, transaction: Mapping[str, int]) -> None:
    """The batch's events into `fresh`, stored ones of their contact_ids into `kin`; reopens are noted."""
    keep("fresh", freshen)
    keep("relatives", load("relatives"))
    keep("kin", _KIN)
    con.execute(_NOTE_REOPENS, transaction)
    if one(con, _NAMESAKES):
        keep("bearers", _BEAR)
        con.execute(load("note_namesakes"), transaction)
    else:
        keep("bearers", _NO_BEARERS)


def _follow_up(con: DuckDBPyConnection, keep: Keep, transaction: Mapping[str, int]) -> None:
    """The contacts that must be followed up into `pool`, and what becomes of them into `changed`."""
    keep("touched", _TOUCH)
    earliest, latest = con.execute(load("around")).fetchall()[0]
    keep("pool", _POOL, {"earliest": _moment(earliest or 0), "latest": _moment(latest or 0)})
    if one(con, load("ties")):
        keep("told", load("tie"))
        keep("changed", _CHANGE_TOLD, transaction)
    else:
        keep("changed", _CHANGE, transaction)


def _with_facts(con: DuckDBPyConnection, events: pa.Table) -> pa.Table:
    """The events, each with its hashes and what it counts for: a few numbers laid beside wide rows.

    `fresh` has the rows of `events` in their order; the others name theirs by n.
    """
    row_of = _rows(events["n"])
    hashes = con.execute("select contact_hash, key_hash from fresh").to_arrow_table()
    facts = con.execute("select first_contacts, resolved_first from fresh").fetchnumpy()
    for statement in (_FOLLOWED_UP, _INHERITED):
        found = con.execute(statement).fetchnumpy()
        rows = row_of[found.pop("n")]
        for name, values in found.items():
            facts.setdefault(name, np.zeros(len(events), values.dtype))[rows] = values
    for name, column in zip(hashes.column_names, hashes.columns, strict=True):
        events = events.append_column(name, column)
    for name, numbers in facts.items():
        events = events.append_column(name, pa.array(numbers))
    return events


def _rows(numbers: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The row of each running number."""
    found = numbers.to_numpy()
    row_of = np.zeros(found.max(initial=0) + 1, np.int64)
    row_of[found] = np.arange(len(found))
    return row_of


def _moment(us: int) -> datetime:
    """Microseconds as a moment, held within the years that a datetime can say."""
    held = min(max(us, FIRST_US), LAST_US)
    return _EPOCH + timedelta(microseconds=held)


def _listed(template: str, names: tuple[str, ...]) -> str:
    return ", ".join(template.format(name) for name in names)


def _statement(name: str, **parts: str) -> str:
    """A statement with its parts, the event types among them."""
    return fill(name, **TYPE_PARTS, **parts)


_KIN = _statement("kin", columns=", ".join((*NAMED, *ANSWERS)))
_NOTE_REOPENS = _statement("note_reopens")
_NAMESAKES = _statement("namesakes")
_BEAR = _statement("bear")
_NO_BEARERS = "select 0::bigint as k, 0::bigint as place, 0::bigint as place_in_age limit 0"
_TOUCH = _statement("touch")
_POOL = _statement("pool", columns=", ".join(NAMED))


def _change(pool: str, order: str, is_meant: str, was_meant: str) -> str:
    """The statement over a pool; `is_meant`, `was_meant`: does a reopen mean a contact, now and before?"""
    states = (State(is_meant), State(f"reopen.posted < $posted and {was_meant}", "not is_fresh", "was_"))
    return _statement("change", pool=pool, follow_up=follow_up(pool, "internal.reopens", order, states))


_CHANGE = _change("pool", "occurred_us", "true", "true")
_CHANGE_TOLD = _change(
    "told",
    "occurred_us, tie",
    "contact.overshadowed is null",
    "coalesce(contact.overshadowed >= $posted, true)",
)
_ANSWER = _statement(
    "answer",
    dimensions=", ".join(INHERITED),
    answer=_listed("event.{}", ("type", *NAMED, *ANSWERS)),
    inherited=_listed("if(event.{0} = 0, coalesce(contact.{0}, 0), 0) as inherited_{0}", INHERITED),
)
_REVISE = _statement(
    "revise",
    dimensions=", ".join(NAMED),
    nothing=_listed("0 as inherited_{}", INHERITED),
    counted=", ".join(
        f"{name} + inherited_{name} as {name}" if name in INHERITED else name for name in NAMED
    ),
    answers=", ".join(ANSWERS),
)
_FOLLOWED_UP = "select -1 - k as n, first_contacts, resolved_first from changed where is_fresh"
_INHERITED = (
    f"select -1 - k as n, {_listed('inherited_{}', INHERITED)} "
    "from answered where k < 0 and contact_us <= occurred_us"
)
