"""Which rejections have reached the dead-letter topic: sent at least once, in order per partition."""

from collections.abc import Sequence

from duckdb import DuckDBPyConnection

from pipeline.database import transaction
from pipeline.rejection import Rejection


def unsent(con: DuckDBPyConnection, limit: int) -> list[Rejection]:
    """The first rejections, by partition and offset, not known to have been sent."""
    rows = con.execute(
        'select topic, partition, "offset", reason, detail, key, payload '
        "from rejections left join internal.dead_letters using (topic, partition) "
        'where "offset" >= coalesce(sent_offset, 0) order by topic, partition, "offset" limit $limit',
        {"limit": limit},
    ).fetchall()
    return [Rejection(*row) for row in rows]


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
