"""An answer printed: a table for people, CSV or JSON for programs."""

import csv
import json
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.errors import InputError
from pipeline.live import printable, printer
from pipeline.live_sql.answer import Answer


def printed(answer: Answer, form: str) -> None:
    """Write it to stdout as a `table`, as `csv` or as `json`."""
    _FORMS[form](answer)


def plain(value: Any) -> Any:
    """A value as JSON has it: exact numbers as numbers, moments as RFC 3339 in UTC, bytes as hexadecimal.

    >>> plain(Decimal("3.000")), plain(Decimal("0.5")), plain(datetime(2026, 11, 21, tzinfo=UTC))
    (3, 0.5, '2026-11-21T00:00:00Z')
    """
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, bool | int | float | str) else _told(value)


def _told(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _rows(answer: Answer) -> list[list[Any]]:
    columns = [[plain(value) for value in column.to_pylist()] for column in answer.rows.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(answer: Answer) -> None:
    table = Table(header_style="bold")
    for name, kind in zip(answer.names, answer.types, strict=True):
        table.add_column(Text(printable(name)), justify="right" if kind.startswith(_NUMBERS) else "left")
    for row in _rows(answer):
        table.add_row(*(Text(printable(_text(value))) for value in row))
    printer().print(table)


def _csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.names)
    writer.writerows([_text(value) for value in row] for row in _rows(answer))


def _json(answer: Answer) -> None:
    if len(set(answer.names)) < len(answer.names):
        raise InputError("two columns have one name: give them others with AS, or ask for csv")
    rows = [dict(zip(answer.names, row, strict=True)) for row in _rows(answer)]
    print(json.dumps(rows, indent=2, ensure_ascii=False))  # noqa: T201


_FORMS: Mapping[str, Callable[[Answer], None]] = {"table": _table, "csv": _csv, "json": _json}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UBIGINT", "DECIMAL", "DOUBLE", "FLOAT")
