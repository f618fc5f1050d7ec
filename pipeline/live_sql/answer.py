"""An answer, whole: a reader never holds a query of the worker's database open."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.errors import RefusedError
from pipeline.live_sql.limits import Limits

BATCH_ROWS = 20_480


@dataclass(frozen=True)
class Answer:
    """Columns by their names, which may repeat, and DuckDB's types; the rows are Arrow's."""

    names: tuple[str, ...]
    types: tuple[str, ...]
    rows: pa.Table

    def to_bytes(self) -> bytes:
        """For another process, in Arrow's stream format."""
        sink = pa.BufferOutputStream()
        told = {b"names": json.dumps(self.names), b"types": json.dumps(self.types)}
        with pa.ipc.new_stream(sink, self.rows.schema.with_metadata(told)) as stream:
            stream.write_table(self.rows)
        content: bytes = sink.getvalue().to_pybytes()
        return content

    @classmethod
    def from_bytes(cls, content: bytes) -> "Answer":
        """An answer from what `to_bytes` made of it."""
        rows = pa.ipc.open_stream(content).read_all()
        told = rows.schema.metadata
        names, types = (tuple(json.loads(told[key])) for key in (b"names", b"types"))
        return cls(names, types, rows.replace_schema_metadata(None))


def read(con: DuckDBPyConnection, limits: Limits) -> Answer:
    """The answer to what `con` has just executed; RefusedError once it is larger than the limits."""
    described = con.description or []
    reader = con.to_arrow_reader(BATCH_ROWS)
    rows = pa.Table.from_batches(_bounded(reader, limits), reader.schema)
    return Answer(tuple(each[0] for each in described), tuple(str(each[1]) for each in described), rows)


def _bounded(reader: pa.RecordBatchReader, limits: Limits) -> Iterator[pa.RecordBatch]:
    rows = size = 0
    for batch in reader:
        rows += batch.num_rows
        size += batch.nbytes
        if rows > limits.rows:
            raise RefusedError(
                f"the answer has more than {limits.rows:,} rows (FIRSTHAND_SQL_ROWS); ask for sums, or less"
            )
        if size > limits.megabytes * 1_000_000:
            raise RefusedError(
                f"the answer is larger than {limits.megabytes:,} MB (FIRSTHAND_SQL_MEGABYTES); "
                "ask for sums, or for fewer rows and columns"
            )
        yield batch
