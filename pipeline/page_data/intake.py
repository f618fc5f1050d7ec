"""What came in: the counts of every partition, and what was rejected, with examples that name nobody."""

import re
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.page_data.moments import written
from pipeline.report import last_refresh

EXAMPLES = 8

_COUNTS = "consumed, accepted, duplicates, rejected, tombstones"

_FIELD = r"(?P<field>(?:data\.)?[a-z_]+)"
_PLAIN = (
    r"\d+ bytes, more than \d+",
    rf"{_FIELD}: \d+ characters, not [\d to]+",
    rf"{_FIELD}: touchpoint\.[a-z]+\.v1 requires it",
    r"data: none of [a-z, ]+",
)
"""Details without a word of the record."""
_QUOTING = (
    r"is not an? [a-z]+",
    r"is none of [a-z0-9_., ]+",
    r"is not within [\d to]+",
    r"is no RFC 3339 time with an offset",
    r"is over 5 minutes after the record's timestamp",
)
"""How details end that quote what stood in the record."""
_QUOTED = re.compile(rf"{_FIELD}: .* (?P<rule>{'|'.join(_QUOTING)})", re.DOTALL)


def intake(con: DuckDBPyConnection) -> dict[str, Any]:
    """Counts by partition, rejections by reason, and the latest of them; no payload, and no key."""
    counts = con.execute(
        f"select topic, partition, next_offset, {_COUNTS} from watermarks order by topic, partition"
    )
    names = ["topic", "partition", "next_offset", *_COUNTS.split(", ")]
    partitions = [dict(zip(names, row, strict=True)) for row in counts.fetchall()]
    reasons = con.execute(
        "select reason, count(*), max(rejected_at) from internal.rejected group by reason order by 2 desc, 1"
    ).fetchall()
    examples = con.execute(
        'select topic, partition, "offset", reason, detail, rejected_at from internal.rejected '
        'order by rejected_at desc, topic, partition, "offset" desc limit $most',
        {"most": EXAMPLES},
    ).fetchall()
    return {
        "as_of": written(last_refresh(con)),
        "partitions": partitions,
        "reasons": [
            {"reason": reason, "count": count, "last": written(last)} for reason, count, last in reasons
        ],
        "examples": [
            {
                "topic": topic,
                "partition": partition,
                "offset": offset,
                "reason": reason,
                "detail": without_contents(detail),
                "at": written(at),
            }
            for topic, partition, offset, reason, detail, at in examples
        ],
    }


def without_contents(detail: str) -> str:
    """A rejection's detail without what stood in the record: that may be a customer's id.

    >>> without_contents("data.csat: 9 is not within 1 to 5")
    'data.csat: what stood there is not within 1 to 5'
    >>> without_contents("data.customer_id: 17 is not a string")
    'data.customer_id: what stood there is not a string'
    >>> without_contents("data.customer_id: touchpoint.contact.v1 requires it")
    'data.customer_id: touchpoint.contact.v1 requires it'
    >>> without_contents("anything else")
    ''
    """
    if any(re.fullmatch(pattern, detail) for pattern in _PLAIN):
        return detail
    if found := _QUOTED.fullmatch(detail):
        return f"{found['field']}: what stood there {found['rule']}"
    return ""
