"""A real export becomes events: each row yields those that the mapping makes of it."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import msgspec

from pipeline.errors import InputError
from pipeline.exports import read_rows
from pipeline.exports.row import Cell, CellError, Row, cell_text
from pipeline.fields import ANSWERS, MAX_IDENTITY_LENGTH, SURVEY
from pipeline.mapping import Mapping
from pipeline.mappings.cells import Value, check_length, convert
from pipeline.mappings.local_time import read_moment
from pipeline.mappings.rules import Cells, EventRule, FieldRule


class ImportedEvent(NamedTuple):
    """One Kafka record to be: key = the customer's id, value = a CloudEvent as compact JSON, both UTF-8."""

    key: bytes
    value: bytes


CloudEvent = dict[str, Any]
"""An event as the contract writes it, not yet encoded."""

OnSkip = Callable[[InputError], None]


def stop(error: InputError) -> NoReturn:
    """End the import at a row that cannot be mapped: what is done unless something else is handed in."""
    raise error


def import_events(file: Path, mapping: Mapping, on_skip: OnSkip = stop) -> Iterator[ImportedEvent]:
    """Yield the events of an export in the order of its rows; within a row in the order of the mapping.

    Every event satisfies section 1 of the contract. A row yields all its events or none: one that
    cannot be mapped ends the import with an InputError that names file, line, column and value or,
    where the mapping says `on_error: skip`, is handed to `on_skip` as that error and left out. The
    file is opened and its columns are checked before this returns.
    """
    rows = read_rows(file, mapping.layout, mapping.columns)
    return _import_rows(file, rows, mapping, on_skip if mapping.on_error == "skip" else stop)


def _import_rows(
    file: Path, rows: Iterator[Row], mapping: Mapping, on_skip: OnSkip
) -> Iterator[ImportedEvent]:
    columns = mapping.columns
    for row in rows:
        try:
            events = _events_of(row, mapping, columns)
        except CellError as error:
            on_skip(_placed(file, row, mapping, error))
        else:
            yield from events


def _placed(file: Path, row: Row, mapping: Mapping, error: CellError) -> InputError:
    advice = "" if mapping.on_error == "skip" else " (`on_error: skip` in the mapping leaves such rows out)"
    return InputError(f"{file}, {row.place}: {error}{advice}")


def _events_of(row: Row, mapping: Mapping, columns: tuple[str, ...]) -> list[ImportedEvent]:
    if row.fault:
        raise CellError(row.fault)
    cells = {column: _clean(row.cells.get(column, ""), mapping) for column in columns}
    events = [
        _event(rule, cells, mapping)
        for rule in mapping.events
        if all(condition.holds(cells) for condition in rule.when)
    ]
    _check_identities(events)
    return [
        ImportedEvent(event["data"]["customer_id"].encode(), msgspec.json.encode(event)) for event in events
    ]


def _check_identities(events: list[CloudEvent]) -> None:
    """One row must not yield two events of one identity: the second would count as a duplicate."""
    if len({(event["id"], event["time"]) for event in events}) < len(events):
        raise CellError(
            f"two of its events have the same id and time ({events[0]['id']!r}); "
            "add a word to the `id:` of one, as in '{Call Id}/survey'"
        )


def _clean(cell: Cell, mapping: Mapping) -> Cell:
    if not isinstance(cell, str):
        return cell
    text = cell.strip() if mapping.trim else cell
    return "" if text in mapping.empty else text


def _event(rule: EventRule, cells: Cells, mapping: Mapping) -> CloudEvent:
    data = dict(_data(rule, cells))
    if rule.type == SURVEY and not any(answer in data for answer in ANSWERS):
        raise CellError("a survey without an answer; leave such rows out with `when:` (`empty: false`)")
    return {
        "specversion": "1.0",
        "id": _identity(rule, cells),
        "source": mapping.source,
        "type": rule.type,
        "time": _time(rule, cells, mapping),
        "data": data,
    }


def _identity(rule: EventRule, cells: Cells) -> str:
    text = cell_text(rule.id.fill(cells))
    if not text:
        raise CellError(f"{_named(rule.id.columns)}: empty, and the id of {rule.type} is made of it")
    try:
        return check_length(text, 1, MAX_IDENTITY_LENGTH)
    except CellError as error:
        raise CellError(f"{_named(rule.id.columns)}, id of {rule.type}: {error}") from error


def _time(rule: EventRule, cells: Cells, mapping: Mapping) -> str:
    parts = [cells[column] for column in rule.time_columns]
    if "" in parts:
        raise CellError(f"{_named(rule.time_columns)}: empty, and {rule.type} needs its time")
    try:
        return _rfc3339(read_moment(parts, rule.time_formats, mapping.zone, mapping.ambiguous))
    except CellError as error:
        raise CellError(f"{_named(rule.time_columns)}, time of {rule.type}: {error}") from error


def _rfc3339(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _data(rule: EventRule, cells: Cells) -> Iterator[tuple[str, Value]]:
    for field in rule.data:
        try:
            value = _value(field, cells)
        except CellError as error:
            raise CellError(
                f"{_named(field.origin.columns)}, {field.field.name} of {rule.type}: {error}"
            ) from error
        if value is not None:
            yield field.field.name, value
        elif field.required:
            raise CellError(
                f"{_named(field.origin.columns)}: empty, and {rule.type} needs {field.field.name}"
            )


def _value(rule: FieldRule, cells: Cells) -> Value | None:
    cell = rule.origin.fill(cells)
    if rule.values is not None:
        cell = _translated(rule, cell, cells)
    return None if cell == "" else convert(rule.field, cell, rule.unit, rule.cut)


def _translated(rule: FieldRule, cell: Cell, cells: Cells) -> Cell:
    values, text = rule.values or {}, cell_text(cell)
    if text in values:
        return values[text] or ""
    if text == "":
        return ""
    if rule.other is None:
        raise CellError(
            f"{text!r} is not listed in its `values:`; add it there, or say what `other:` values mean"
        )
    return rule.other.fill(cells)


def _named(columns: tuple[str, ...]) -> str:
    """How an error names them: "column 'Date'", "columns 'Date', 'Time'"."""
    listed = ", ".join(repr(column) for column in columns)
    return f"column{'s' if len(columns) > 1 else ''} {listed}" if columns else "the constant"
