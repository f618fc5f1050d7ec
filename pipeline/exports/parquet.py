"""Parquet: rows in batches, only the columns that the mapping reads."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.exports.row import Layout, Row, check_columns, flatten, reading

BATCH_ROWS = 2_000


def read_parquet(file: Path, _layout: Layout, wanted: tuple[str, ...]) -> Iterator[Row]:
    """One row per row, counted from 1; a struct's field is the column `struct.field`."""
    with (
        reading(file, pa.ArrowException, kind="Parquet file"),
        file.open("rb") as source,
        pq.ParquetFile(source) as parquet,
    ):
        schema = parquet.schema_arrow
        check_columns(str(file), list(_column_names(schema)), wanted)
        number = 0
        for batch in parquet.iter_batches(batch_size=BATCH_ROWS, columns=_top_level(schema, wanted)):
            for record in _to_microseconds(batch).to_pylist():
                number += 1
                yield Row(f"row {number}", dict(flatten(record)))


def _column_names(fields: pa.Schema | pa.StructType, path: str = "") -> Iterator[str]:
    for field in fields:
        if pa.types.is_struct(field.type):
            yield from _column_names(field.type, f"{path}{field.name}.")
        else:
            yield f"{path}{field.name}"


def _top_level(schema: pa.Schema, wanted: tuple[str, ...]) -> list[str]:
    return [
        name for name in schema.names if any(want == name or want.startswith(f"{name}.") for want in wanted)
    ]


def _to_microseconds(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Nanoseconds, which no Python time can hold, cut to microseconds, as the contract cuts them."""
    fields = [field.with_type(_coarser(field.type)) for field in batch.schema]
    arrays = [
        column.cast(field.type, safe=False) for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _coarser(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return pa.timestamp("us", kind.tz)
    if pa.types.is_duration(kind) and kind.unit == "ns":
        return pa.duration("us")
    if pa.types.is_time64(kind) and kind.unit == "ns":
        return pa.time64("us")
    return kind
