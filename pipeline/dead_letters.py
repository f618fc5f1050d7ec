"""Which rejections have reached the dead-letter topic: sent at least once, in order per partition."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import groupby

from duckdb import DuckDBPyConnection

from pipeline.connection import transaction
from pipeline.rejection import Rejection

MAX_BYTES = 8 * 1024 * 1024
"""Of the records taken at a time, the first not counted, which may be longer by itself."""

_WAITING = (
    'select topic, partition, "offset", bytes from internal.rejected '
    "left join internal.dead_letters using (topic, partition) "
    'where "offset" >= coalesce(sent_offset, 0) order by topic, partition, "offset" limit $limit'
)
_WITHIN = 'where topic = $topic and partition = $partition and "offset" between $first and $last '
_ROWS = f'select "offset", reason, detail, key, payload from internal.rejected {_WITHIN} order by "offset"'
_PIECES = f'select "offset", part, piece from internal.pieces {_WITHIN} order by "offset", number'


def unsent(con: DuckDBPyConnection, limit: int) -> list[Rejection]:
    """The first rejections, by partition and offset, not known to have been sent: `limit`, or MAX_BYTES."""
    waiting: list[tuple[str, int, int]] = []
    room = MAX_BYTES
    for *place, size in con.execute(_WAITING, {"limit": limit}).fetchall():
        if waiting and size > room:
            break
        waiting.append((place[0], place[1], place[2]))
        room -= size
    found = []
    for (topic, partition), places in groupby(waiting, key=lambda place: place[:2]):
        offsets = [offset for _, _, offset in places]
        found += _between(con, topic, partition, offsets[0], offsets[-1])
    return found


def _between(con: DuckDBPyConnection, topic: str, partition: int, first: int, last: int) -> list[Rejection]:
    """The rejections of a partition from one offset to another."""
    within = {"topic": topic, "partition": partition, "first": first, "last": last}
    long: dict[tuple[int, str], list[bytes]] = defaultdict(list)
    for offset, part, piece in con.execute(_PIECES, within).fetchall():
        long[offset, part].append(piece)
    return [
        Rejection(
            topic,
            partition,
            offset,
            reason,
            detail,
            b"".join(long[offset, "key"]) if (offset, "key") in long else key,
            b"".join(long[offset, "payload"]) if payload is None else payload,
        )
        for offset, reason, detail, key, payload in con.execute(_ROWS, within).fetchall()
    ]


def mark_sent(con: DuckDBPyConnection, rejections: Sequence[Rejection]) -> None:
    """Remember that these, and those before them in their partitions, have been sent."""
    reached = {(each.topic, each.partition): each.offset + 1 for each in rejections}
    with transaction(con):
        for (topic, partition), sent_offset in reached.items():
            where = {"topic": topic, "partition": partition}
            con.execute(
                "delete from internal.dead_letters where topic = $topic and partition = $partition", where
            )
            con.execute(
                "insert into internal.dead_letters values ($topic, $partition, $sent_offset)",
                {**where, "sent_offset": sent_offset},
            )
