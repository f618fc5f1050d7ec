"""JSONL: one JSON object a line, plain or gzipped."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pipeline.exports.row import Layout, Row, check_columns, flatten, reading


def read_json_lines(file: Path, _layout: Layout, wanted: tuple[str, ...]) -> Iterator[Row]:
    """One row per line; blank lines are skipped; numbers stay as they are written.

    An object without a field has an empty cell there. A field that no object has is a missing column.
    """
    with reading(file, gzip.BadGzipFile, EOFError, zlib.error, kind="JSONL file"):
        _check_columns(file, wanted)
        yield from _rows(file)


def _check_columns(file: Path, wanted: tuple[str, ...]) -> None:
    """Read ahead until every wanted column was seen: mostly one line, all of them at worst."""
    seen: dict[str, None] = {}
    for row in _rows(file):
        seen.update(dict.fromkeys(row.cells))
        if all(name in seen for name in wanted):
            return
    check_columns(str(file), list(seen), wanted)


def _rows(file: Path) -> Iterator[Row]:
    with _open(file) as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _row(f"line {number}", line)


def _row(place: str, line: str) -> Row:
    try:
        # Numbers as text: an id of 20 digits or 3.10 must come out as it went in.
        record = json.loads(line, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        return Row(place, {}, f"is no JSON: {error}")
    if not isinstance(record, dict):
        return Row(place, {}, "is no JSON object; each line must be one, as in {" + '"id": 1}')
    return Row(place, dict(flatten(record)))


def _open(file: Path) -> TextIO:
    if file.suffix.lower() == ".gz":
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="\n")
    return file.open(encoding="utf-8-sig", newline="\n")
