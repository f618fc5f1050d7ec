"""Silences: for a time, alerts that one matches are recorded and shown, and nobody is told."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from duckdb import DuckDBPyConnection

from pipeline.alerting.standing import rows, whole_id
from pipeline.connection import one
from pipeline.errors import InputError
from pipeline.spans import microseconds
from pipeline.sums import DIMENSIONS

SILENCED_BY = (*DIMENSIONS, "source", "suite")
"""The dimensions that rules watch."""
LONGEST_COMMENT = 1000
LONGEST = "3650d"


class Wish(NamedTuple):
    """What is to be silent, for how long, and why; None matches any."""

    rule: str | None
    dimension: str | None
    member: str | None
    length: str
    comment: str


def silence(con: DuckDBPyConnection, wish: Wish, now: datetime) -> dict[str, Any]:
    """Silence from now on; the row, and as `notes` what it matches that nobody has met yet."""
    _refuse_senseless(wish)
    ends_at = now + timedelta(microseconds=microseconds(wish.length))
    matched = (wish.rule, wish.dimension, wish.member)
    name = sha256(repr((matched, now, ends_at, wish.comment)).encode()).hexdigest()[:16]
    row = [name, *matched, now, ends_at, wish.comment]
    con.execute("insert into silences values ($1, $2, $3, $4, $5, $6, $7)", row)
    (made,) = rows(con.execute("from silences where silence = $name", {"name": name}))
    return made | {"notes": _notes(con, wish)}


def in_force(con: DuckDBPyConnection, now: datetime) -> list[dict[str, Any]]:
    """The silences that have not ended, the one that ends first before the others."""
    query = "from silences where starts_at <= $now and $now < ends_at order by ends_at, silence"
    return rows(con.execute(query, {"now": now}))


def end(con: DuckDBPyConnection, beginning: str, now: datetime) -> dict[str, Any]:
    """End the silence whose id begins so; InputError where none is meant, several, or one that has ended."""
    name = whole_id(con, "silence", "silences", beginning)
    asked = {"name": name, "now": now}
    if one(con, "select ends_at <= $now from silences where silence = $name", asked):
        raise InputError(f"silence {name} has ended already")
    con.execute("update silences set ends_at = $now where silence = $name", asked)
    (row,) = rows(con.execute("from silences where silence = $name", {"name": name}))
    return row


def _refuse_senseless(wish: Wish) -> None:
    for name, given in (("rule", wish.rule), ("by", wish.dimension), ("member", wish.member)):
        if given is not None and not given.strip():
            raise InputError(f"{name}: it is empty; name one, or leave it out to mean any")
    if microseconds(wish.length) > microseconds(LONGEST):
        raise InputError(f"for: {wish.length} is too long; a silence lasts {LONGEST} at most")
    if wish.member is not None and wish.dimension is None:
        raise InputError("a member is one of a dimension: name that too, with --by")
    if wish.dimension is not None and wish.dimension not in SILENCED_BY:
        raise InputError(f"by: one of {', '.join(SILENCED_BY)} is asked")
    if not wish.comment.strip() or len(wish.comment) > LONGEST_COMMENT:
        raise InputError(f"comment: say why, in 1 to {LONGEST_COMMENT} characters")


def _notes(con: DuckDBPyConnection, wish: Wish) -> Sequence[str]:
    """A name that nobody knows may be a slip, or of what is to come: it is said, not refused."""
    found = []
    if wish.rule and not one(con, "select count(*) from flips where rule = $rule", {"rule": wish.rule}):
        found.append(f"no alert of a rule '{wish.rule}' has been recorded yet")
    if wish.member and not _is_known(con, wish):
        found.append(f"no {wish.dimension} '{wish.member}' is in the readings or among the alerts yet")
    if (wish.rule, wish.dimension) == (None, None):
        found.append("it matches every alert")
    return found


def _is_known(con: DuckDBPyConnection, wish: Wish) -> bool:
    query = " union all ".join(
        f"select 1 from {table} where dimension = $dimension and member = $member"
        for table in ("metrics", "flips")
    )
    asked: dict[str, object] = {"dimension": wish.dimension, "member": wish.member}
    return bool(one(con, f"select count(*) from ({query})", asked))
