"""One row of an export: named cells, as exact as the file holds them."""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from pipeline.errors import InputError
from pipeline.mappings.yaml_lines import nearest

Cell = str | datetime | date | time | timedelta
"""Text as it stands in the file, or a real date, time or duration of a workbook or Parquet file."""


class CellError(InputError):
    """A cell that cannot be used; whoever knows the row and the column adds them."""


class Row(NamedTuple):
    """One row: `place` ("line 17"), its cells by column, and what is wrong with the row as a whole."""

    place: str
    cells: Mapping[str, Cell]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file does not say of itself: a workbook's sheet, a CSV's encoding, delimiter and quoting."""

    sheet: str = ""
    encoding: str = "utf-8"
    delimiter: str = ","
    loose_quotes: bool = False


def to_cell(value: object) -> Cell:
    """Write a value of a typed file as a cell: numbers as digits, so that 7.0 and 7 are the same text.

    >>> to_cell(109.0), to_cell(0.1), to_cell(True), to_cell(None), to_cell("007")
    ('109', '0.1', 'true', '', '007')
    """
    match value:
        case str() | datetime() | date() | time() | timedelta():
            return value
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int() | float() | Decimal():
            return _number_text(value)
    return json.dumps(value, ensure_ascii=False, default=str)


def _number_text(value: float | Decimal) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    return format(Decimal(str(value)), "f")


def cell_text(cell: Cell) -> str:
    """Write the cell as text; real dates as ISO, without the time of day where that is midnight.

    >>> cell_text(datetime(2021, 1, 31)), cell_text(datetime(2021, 1, 31, 9, 5))
    ('2021-01-31', '2021-01-31 09:05:00')
    """
    match cell:
        case datetime():
            midnight = cell.time() == time() and cell.tzinfo is None
            return cell.date().isoformat() if midnight else cell.isoformat(sep=" ")
        case timedelta():
            minutes, seconds = divmod(cell, timedelta(minutes=1))
            return f"{minutes // 60}:{minutes % 60:02}:{seconds.total_seconds():02g}"
        case date() | time():
            return cell.isoformat()
    return cell


def flatten(record: Mapping[str, object], path: str = "") -> Iterator[tuple[str, Cell]]:
    """Name the cells of a nested record: a field within a field is the column `outer.inner`.

    >>> dict(flatten({"id": "7", "agent": {"name": "Jim"}}))
    {'id': '7', 'agent.name': 'Jim'}
    """
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", to_cell(value)


def check_columns(place: str, present: list[str], wanted: tuple[str, ...]) -> None:
    """Every wanted column must be there, and once."""
    for name in wanted:
        if name not in present:
            raise InputError(
                f"{place}: no column {name!r}, which the mapping reads; {nearest(name, tuple(present))}"
            )
        if present.count(name) > 1:
            raise InputError(f"{place}: column {name!r} is there more than once; rename one of them")


@contextmanager
def reading(file: Path, *broken: type[Exception], kind: str) -> Iterator[None]:
    """Failures of the file itself, among them those in `broken`, said in one line."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}: is not {error.encoding} text; save it as UTF-8 or, if a CSV, say its `encoding:`"
        ) from error
    except broken as error:
        raise InputError(f"{file}: is no readable {kind}: {' '.join(str(error).split())}") from error
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
