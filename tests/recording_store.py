"""A small store on a real DuckDB database: it keeps every record, so that tests can count them."""

import threading
from collections.abc import Sequence
from datetime import datetime

import duckdb

from pipeline.alerting.delivery.flip import Flip
from pipeline.batch import RecordBatch
from pipeline.errors import DatabaseError
from pipeline.rejection import Rejection
from pipeline.tally import Tally

TABLES = """
create table if not exists records (part int, pos bigint, key blob, value blob, stamp bigint);
create table if not exists watermarks (topic varchar, part int, next bigint);
create table if not exists topics (topic varchar, id varchar);
create table if not exists letters (topic varchar, part int, pos bigint, key blob, value blob, sent boolean);
"""


class RecordingStore:
    """Rejects values that begin with "bad"; refuses to go on at a value that begins with "disk full"."""

    def __init__(self, path: str = ":memory:") -> None:
        self._con = duckdb.connect(path)
        self._con.execute(TABLES)
        self._lock = threading.Lock()
        self.transactions = 0
        self.first_start: dict[int, int] = {}
        """Where the first batch of each partition began that this object was given."""
        self.failed = False
        self.refreshed_at: list[datetime] = []

    def ingest(self, batches: Sequence[RecordBatch], ingested_at: datetime) -> Tally:  # noqa: ARG002 - the protocol's
        with self._lock, self._con.cursor() as con:
            con.begin()
            tallies = [self._keep(con, batch) for batch in batches]
            con.commit()
            self.transactions += 1
        return sum(tallies, Tally())

    def refresh(self, as_of: datetime) -> None:
        self.refreshed_at.append(as_of)

    def next_offset(self, topic: str, partition: int) -> int | None:
        rows = self.rows(f"select next from watermarks where topic = '{topic}' and part = {partition}")
        return rows[0][0] if rows else None

    def recognises(self, topic: str, topic_id: str) -> bool:
        known = self.rows(f"select id from topics where topic = '{topic}'")
        if not known:
            self.rows(f"insert into topics values ('{topic}', '{topic_id}') returning id")
        return known in ([], [(topic_id,)])

    def unsent_rejections(self, limit: int) -> list[Rejection]:
        rows = self.rows(
            f"select topic, part, pos, key, value from letters where not sent order by all limit {limit}"
        )
        return [Rejection(*row[:3], "not_json", "it begins with bad", *row[3:]) for row in rows]

    def mark_sent(self, rejections: Sequence[Rejection]) -> None:
        with self._lock, self._con.cursor() as con:
            for each in rejections:
                con.execute(
                    "update letters set sent = true where part = ? and pos = ?", [each.partition, each.offset]
                )

    def unsent_flips(self, topic: str, limit: int) -> list[Flip]:  # noqa: ARG002 - the protocol's
        return []

    def mark_flips_sent(self, topic: str, number: int) -> None:  # noqa: ARG002
        raise AssertionError

    def rows(self, query: str) -> list[tuple]:
        with self._lock, self._con.cursor() as con:
            return con.execute(query).fetchall()

    def offsets(self) -> dict[int, list[int]]:
        """The stored offsets of each partition, in the order they were stored."""
        return dict(self.rows("select part, list(pos order by rowid) from records group by part"))

    def count(self) -> int:
        return self.rows("select count(*) from records")[0][0]

    def close(self) -> None:
        self._con.close()

    def _keep(self, con: duckdb.DuckDBPyConnection, batch: RecordBatch) -> Tally:
        where = [batch.topic, batch.partition]
        self.first_start.setdefault(batch.partition, batch.start)
        known = con.execute("select next from watermarks where topic = ? and part = ?", where).fetchone()
        stored = known[0] if known else batch.start
        assert batch.start <= stored, f"a hole: {batch.start} after {stored}"
        records = zip(batch.offsets, batch.keys, batch.values, batch.timestamps, strict=True)
        rows = [(batch.partition, *record) for record in records if record[0] >= stored]
        if any(row[3].startswith(b"disk full") for row in rows):
            self.failed = True
            raise DatabaseError("the disk is full")
        if rows:
            columns = list(zip(*rows, strict=True))
            con.execute(
                "insert into records "
                "select unnest(?), unnest(?), unnest(?::blob[]), unnest(?::blob[]), unnest(?)",
                [list(column) for column in columns],
            )
        bad = [row for row in rows if row[3].startswith(b"bad")]
        for _, at, key, value, _stamp in bad:
            con.execute("insert into letters values (?, ?, ?, ?, ?, false)", [*where, at, key, value])
        con.execute("delete from watermarks where topic = ? and part = ?", where)
        con.execute("insert into watermarks values (?, ?, ?)", [*where, max(stored, batch.next)])
        return Tally(len(rows), accepted=len(rows) - len(bad), rejected=len(bad))
