"""One line that two databases share if, and only if, they say the same of the same events."""

import hashlib

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.measure import all_readings
from pipeline.sql import load

_READINGS = "select metric, span, dimension, member, numerator::varchar, denominator from ({}) order by all"
_CONTACTS = (
    "select sha256(string_agg(concat_ws('|', source, id, epoch_us(occurred_at), csat, effort, nps, "
    "friendliness, customer_says_resolved, is_first_contact, epoch_us(repeated_at), epoch_us(reopened_at), "
    "resolved_at_first_contact, settled), '\\n' order by occurred_at, source, id)) "
    "from contacts_at($as_of) group by internal.hour_of(epoch_us(occurred_at)) order by min(occurred_at)"
)


def fingerprint(con: DuckDBPyConnection) -> str:
    """SHA-256, as hexadecimal text, over all that is a function of the set of accepted events alone.

    That is: the definitions, the events as they were sent, and as of the latest of them every contact's
    follow-up and every reading. Where and when a record was stored, and what was rejected, is left out.
    """
    digest = hashlib.sha256()

    def add(query: str, parameters: dict[str, object] | None = None) -> None:
        for row in con.execute(query, parameters).fetchall():
            digest.update(repr(row).encode())
        digest.update(b"\x00")

    add("from internal.definitions")
    add(load("fingerprint"))
    latest = one(con, "select max(occurred_at) from internal.events")
    if latest is not None:
        add(_CONTACTS, {"as_of": latest})
        add(_READINGS.format(all_readings(con, "$as_of")), {"as_of": latest})
    return digest.hexdigest()
