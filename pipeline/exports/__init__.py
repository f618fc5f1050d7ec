"""An export becomes rows. Adding a format is one file here and one line in FORMATS."""

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from pipeline.errors import InputError
from pipeline.exports.delimited import read_delimited
from pipeline.exports.json_lines import read_json_lines
from pipeline.exports.parquet import read_parquet
from pipeline.exports.row import Layout, Row
from pipeline.exports.workbook import read_workbook

Reader = Callable[[Path, Layout, tuple[str, ...]], Iterator[Row]]

FORMATS: tuple[tuple[str, Reader], ...] = (
    (".csv", read_delimited),
    (".csv.gz", read_delimited),
    (".jsonl", read_json_lines),
    (".jsonl.gz", read_json_lines),
    (".xlsx", read_workbook),
    (".parquet", read_parquet),
)


def read_rows(file: Path, layout: Layout, wanted: tuple[str, ...]) -> Iterator[Row]:
    """Read the rows of an export, in file order, a few in memory at a time.

    The file is opened and its columns are checked before this returns, so that nothing is written
    for a file that cannot be used. Errors: InputError.
    """
    rows = _reader_of(file)(file, layout, wanted)
    first = next(rows, None)
    return iter(()) if first is None else chain((first,), rows)


def _reader_of(file: Path) -> Reader:
    for suffix, reader in FORMATS:
        if file.name.lower().endswith(suffix):
            return reader
    known = ", ".join(suffix for suffix, _ in FORMATS)
    raise InputError(f"{file}: cannot tell its format from its name; it must end in one of {known}")
