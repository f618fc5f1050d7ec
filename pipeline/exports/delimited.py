"""CSV: rows as exact text, plain or gzipped."""

import csv
import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pipeline.errors import InputError
from pipeline.exports.row import Layout, Row, check_columns, reading

Record = tuple[int, list[str]]
"""The line a record begins on, from 1, and its cells."""


def read_delimited(file: Path, layout: Layout, wanted: tuple[str, ...]) -> Iterator[Row]:
    """One row per record; the first record holds the names. Blank lines are skipped."""
    with (
        reading(file, csv.Error, gzip.BadGzipFile, EOFError, zlib.error, kind="CSV file"),
        _open(file, layout) as text,
    ):
        read = _loose_records if layout.loose_quotes else _standard_records
        records = read(file, text, layout.delimiter)
        line, names = next(records, (0, []))
        if not names:
            raise InputError(f"{file}: is empty; the first line must name the columns")
        check_columns(f"{file}, line {line}", names, wanted)
        for line, cells in records:
            yield _row(line, names, cells)


def _standard_records(file: Path, text: TextIO, delimiter: str) -> Iterator[Record]:
    """Read records as RFC 4180 has them: a quote in a cell is doubled, a quoted cell may span lines.

    A broken quote ends the import even with `on_error: skip`: nobody knows how many rows it swallowed.
    """
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 0
    try:
        for cells in reader:
            if cells:
                yield line + 1, cells
            line = reader.line_num
    except csv.Error as error:
        raise InputError(
            f"{file}, line {line + 1}: {error}; correct its quotes, or say `quotes: loose` in the mapping"
        ) from error


def _loose_records(_file: Path, text: TextIO, delimiter: str) -> Iterator[Record]:
    r"""Read records of writers that do not double quotes: `\"` is a quote, a stray quote is text.

    Each line is one record, so that a quote left open reaches no further than its line.
    """
    for number, line in enumerate(text, start=1):
        doubled = re.sub(r'\\(["\\])', lambda found: '""' if found[1] == '"' else "\\", line.rstrip("\r\n"))
        for cells in csv.reader([doubled], delimiter=delimiter):
            if cells:
                yield number, cells


def _row(line: int, names: list[str], cells: list[str]) -> Row:
    if len(cells) == len(names):
        return Row(f"line {line}", dict(zip(names, cells, strict=True)))
    fault = f"has {len(cells)} cells where the first line names {len(names)} columns; check its quotes"
    return Row(f"line {line}", {}, fault)


def _open(file: Path, layout: Layout) -> TextIO:
    # "utf-8-sig" reads UTF-8 with and without the mark that Excel puts in front.
    encoding = "utf-8-sig" if layout.encoding == "utf-8" else layout.encoding
    if file.suffix.lower() == ".gz":
        return gzip.open(file, "rt", encoding=encoding, newline="")
    return file.open(encoding=encoding, newline="")
