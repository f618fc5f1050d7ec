"""From fresh events to facts: what a batch adds to the sums, and what it takes back.

The steps in order, each a file of SQL, all in the caller's transaction: fresh, link (events that share a
contact_id) and bear (contacts that share one), note, pool (inbound contacts near the batch's), change (their
follow-up without the batch and with it), answer, revise, store. Nothing is kept but facts: the state before
is computed again from the rows, so that it cannot drift from them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from pipeline.connection import Keep, registered, relations
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
        fresh = keep("fresh", freshen)
        keep("relatives", _RELATIVES)
        keep("linked", _LINK)
        keep("bearers", _BEAR)
        for statement in _NOTE:
            con.execute(statement, transaction)
        _gather(keep)
        changed = keep("changed", _CHANGE, transaction)
        answered = keep("answered", _ANSWER)
        con.execute(_REVISE, transaction)
        stored = _with_facts(events, fresh, changed, answered)
    with registered(con, {"stored": stored}):
        con.execute(load("store"), {**transaction, "ingested_at": ingested_at})


def _gather(keep: Keep) -> None:
    """The contacts near the batch's, and the batch's own, into `pool`; how to tell their like into `told`."""
    touched = keep("touched", _TOUCH)
    earliest, latest = pc.min(touched["from_us"]).as_py(), pc.max(touched["until_us"]).as_py()
    keep("pool", _POOL, {"earliest": _moment(earliest or 0), "latest": _moment(latest or 0)})
    keep("told", _TIE)


def _with_facts(events: pa.Table, fresh: pa.Table, changed: pa.Table, answered: pa.Table) -> pa.Table:
    """The events, each with its hashes and what it counts for: a few numbers laid beside wide rows.

    `fresh` has the rows of `events` in their order; the others name theirs by k = -1 - n.
    """
    row_of = _rows(events["n"])
    known = pc.equal(answered["visible_us"], answered["occurred_us"])
    columns = {name: fresh[name] for name in ("contact_hash", "key_hash")}
    for table, names in (
        (changed, ("first_contacts", "resolved_first")),
        (answered.filter(known), [f"inherited_{name}" for name in INHERITED]),
    ):
        of_fresh = table.filter(pc.less(table["k"], 0))
        rows = row_of[-1 - of_fresh["k"].to_numpy()]
        for name in names:
            columns[name] = _scattered(of_fresh[name].to_numpy(), rows, len(events))
    for name, column in columns.items():
        events = events.append_column(name, column)
    return events


def _rows(numbers: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The row of each running number."""
    found = numbers.to_numpy()
    row_of = np.zeros(found.max(initial=0) + 1, np.int64)
    row_of[found] = np.arange(len(found))
    return row_of


def _scattered(values: npt.NDArray[Any], rows: npt.NDArray[np.int64], length: int) -> pa.Array:
    """A column of 0 but for these values in these rows."""
    column = np.zeros(length, values.dtype)
    column[rows] = values
    return pa.array(column)


def _moment(us: int) -> datetime:
    """Microseconds as a moment, held within the years that a datetime can say."""
    held = min(max(us, FIRST_US), LAST_US)
    return _EPOCH + timedelta(microseconds=held)


def _listed(template: str, names: tuple[str, ...]) -> str:
    return ", ".join(template.format(name) for name in names)


def _statement(name: str, **parts: str) -> str:
    """A statement with its parts, the event types among them."""
    return fill(name, **TYPE_PARTS, **parts)


_RELATIVES = _statement("relatives")
_LINK = _statement("link", columns=", ".join((*NAMED, *ANSWERS)))
_BEAR = _statement("bear")
_NOTE = (_statement("note_reopens"), _statement("note_namesakes"))
_TOUCH = _statement("touch")
_POOL = _statement("pool", columns=_listed("event.{}", NAMED))
_TIE = _statement("tie")
_CHANGE = _statement(
    "change",
    dimensions=", ".join(NAMED),
    follow_up=follow_up(
        "contacts",
        "internal.reopens",
        "tie",
        (
            State("contact.overshadowed is null"),
            State(
                "reopen.posted < $posted and coalesce(contact.overshadowed >= $posted, true)",
                "not is_fresh",
                "was_",
            ),
        ),
    ),
)
_ANSWER = _statement(
    "answer",
    answer=_listed("event.{}", ("type", *NAMED, *ANSWERS)),
    inherited=_listed("if(event.{0} = 0, coalesce(contact.{0}, 0), 0) as inherited_{0}", INHERITED),
    nothing=_listed("0 as inherited_{}", INHERITED),
)
_REVISE = _statement(
    "revise",
    dimensions=", ".join(NAMED),
    counted=", ".join(
        f"{name} + inherited_{name} as {name}" if name in INHERITED else name for name in NAMED
    ),
    answers=", ".join(ANSWERS),
)
