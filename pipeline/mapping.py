"""The mapping file: how the rows of one export become events. docs/importing.md is its reference."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Literal, cast

from pipeline.errors import InputError
from pipeline.exports.row import CellError, Layout
from pipeline.fields import ANSWERS, FIELDS, MAX_IDENTITY_LENGTH, SURVEY, TYPES, Field
from pipeline.mappings.cells import UNITS, can_be_cut, check_length, convert
from pipeline.mappings.local_time import AMBIGUOUS, Ambiguous, check_format, check_zone
from pipeline.mappings.rules import Condition, EventRule, FieldRule, Template
from pipeline.mappings.yaml_lines import Entry, nearest, read_yaml

SHIPPED = Path(__file__).parent / "mappings"
"""The folder of the mappings that come with the project, each used by its name."""

MAPPING_KEYS = (
    "source", "zone", "events", "empty", "trim", "on_error", "ambiguous",
    "sheet", "encoding", "delimiter", "quotes",
)  # fmt: skip
EVENT_KEYS = ("type", "id", "time", "when", "data")
TIME_KEYS = ("column", "columns", "formats")
TESTS = ("equals", "in", "not_in", "empty")
ORIGINS = ("column", "constant", "template", "synthetic")
FIELD_KEYS = (*ORIGINS, "values", "other", "unit", "cut")


@dataclass(frozen=True, slots=True)
class Mapping:
    """A whole mapping file, checked: how the rows of one export become events."""

    source: str
    zone: tzinfo
    events: tuple[EventRule, ...]
    empty: frozenset[str]
    trim: bool
    on_error: Literal["stop", "skip"]
    ambiguous: Ambiguous
    layout: Layout

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that it reads, each once."""
        return tuple(dict.fromkeys(column for event in self.events for column in event.columns))


def load_mapping(path_or_name: str | Path) -> Mapping:
    """Load the mapping in a file, or one that comes with the project by its name (`pwc`, `ecommerce`).

    Errors: InputError, which names the file, the line, the field and what to write instead.

    >>> load_mapping("pwc").source
    'pwc-call-centre'
    """
    shipped = {file.stem: file for file in sorted(SHIPPED.glob("*.yaml"))}
    file = shipped.get(str(path_or_name), Path(path_or_name))
    if not file.exists():
        known = nearest(str(path_or_name), tuple(shipped))
        raise InputError(f"{path_or_name}: no such mapping file, nor is it one that comes along; {known}")
    return _mapping(read_yaml(file))


def _mapping(entry: Entry) -> Mapping:
    fields = entry.fields(MAPPING_KEYS, required=("source", "zone", "events"))
    source = _limited(fields["source"])
    return Mapping(
        source=source,
        zone=check_zone(fields["zone"]),
        events=_events(fields["events"], source),
        empty=frozenset(_texts(fields.get("empty"))) | {""},
        trim="trim" in fields and _flag(fields["trim"]),
        on_error=cast("Literal['stop', 'skip']", _choice(fields, "on_error", ("stop", "skip"))),
        ambiguous=cast("Ambiguous", _choice(fields, "ambiguous", AMBIGUOUS)),
        layout=_layout(fields),
    )


def _layout(fields: dict[str, Entry]) -> Layout:
    encoding, delimiter = fields.get("encoding"), fields.get("delimiter")
    return Layout(
        sheet=fields["sheet"].filled() if "sheet" in fields else "",
        encoding=_encoding(encoding) if encoding else "utf-8",
        delimiter=_delimiter(delimiter) if delimiter else ",",
        loose_quotes=_choice(fields, "quotes", ("standard", "loose")) == "loose",
    )


def _encoding(entry: Entry) -> str:
    try:
        return codecs.lookup(entry.filled()).name
    except LookupError as error:
        raise entry.failure(f"{entry.text()!r} is no encoding; write one such as utf-8 or cp1252") from error


def _delimiter(entry: Entry) -> str:
    text = entry.text()
    if len(text) != 1 or text in '"\r\n':
        raise entry.failure(
            f'{text!r} is not one character; write one such as ";" or "\\t" (in double quotes)'
        )
    return text


def _events(entry: Entry, source: str) -> tuple[EventRule, ...]:
    entries = entry.entries()
    if not entries:
        raise entry.failure("lists no event; a row must become something")
    return tuple(_event(one, source) for one in entries)


def _event(entry: Entry, source: str) -> EventRule:
    fields = entry.fields(EVENT_KEYS, required=("type", "id", "time", "data"))
    kind = fields["type"].one_of(TYPES)
    time = fields["time"].fields(TIME_KEYS, required=("formats",))
    return EventRule(
        type=kind,
        id=_with_columns(fields["id"]),
        time_columns=_time_columns(fields["time"], time),
        time_formats=tuple(check_format(one) for one in _filled_list(time["formats"])),
        when=tuple(_condition(one) for one in fields["when"].entries()) if "when" in fields else (),
        data=tuple(_data(fields["data"], kind, source)),
    )


def _time_columns(entry: Entry, time: dict[str, Entry]) -> tuple[str, ...]:
    if ("column" in time) is ("columns" in time):
        raise entry.failure("needs either `column:` or `columns:`")
    if "column" in time:
        return (time["column"].filled(),)
    return tuple(one.filled() for one in _filled_list(time["columns"]))


def _condition(entry: Entry) -> Condition:
    fields = entry.fields(("column", *TESTS), required=("column",))
    tests = [name for name in TESTS if name in fields]
    if len(tests) != 1:
        raise entry.failure(f"needs exactly one of {', '.join(f'`{name}:`' for name in TESTS)}")
    column, test = fields["column"].filled(), fields[tests[0]]
    match tests[0]:
        case "equals":
            return Condition(column, frozenset({test.text()}), negated=False)
        case "empty":
            return Condition(column, frozenset({""}), negated=not _flag(test))
        case name:
            return Condition(column, frozenset(_texts(test)), negated=name == "not_in")


def _data(entry: Entry, kind: str, source: str) -> Iterator[FieldRule]:
    readable = {field.name: field for field in FIELDS if kind in field.read_by}
    required = tuple(name for name, field in readable.items() if kind in field.required_by)
    fields = entry.fields(tuple(readable), required)
    if kind == SURVEY and not any(answer in fields for answer in ANSWERS):
        raise entry.failure(f"a survey needs at least one of {', '.join(ANSWERS)}")
    for name, one in fields.items():
        yield _field_rule(one, readable[name], source, required=name in required)


def _field_rule(entry: Entry, field: Field, source: str, *, required: bool) -> FieldRule:
    fields = entry.fields(FIELD_KEYS)
    if "other" in fields and "values" not in fields:
        raise fields["other"].failure("stands without `values:`; add them, or take it out")
    rule = FieldRule(
        field=field,
        origin=_origin(entry, fields, field, source),
        values=_values(fields["values"]) if "values" in fields else None,
        other=_other(fields["other"]) if "other" in fields else None,
        unit=_unit(fields["unit"], field) if "unit" in fields else "seconds",
        cut=_cut(fields["cut"], field) if "cut" in fields else None,
        required=required,
    )
    _check_constants(fields, rule)
    return rule


def _origin(entry: Entry, fields: dict[str, Entry], field: Field, source: str) -> Template:
    names = [name for name in ORIGINS if name in fields]
    if len(names) != 1:
        raise entry.failure(f"needs exactly one of {', '.join(f'`{name}:`' for name in ORIGINS)}")
    origin = fields[names[0]]
    match names[0]:
        case "column":
            return Template(("", origin.filled(), ""))
        case "constant":
            return Template((origin.filled(),))
        case "template":
            return _with_columns(origin)
    if field.name != "customer_id":
        raise origin.failure("only a customer_id can be synthetic; write `template:`")
    template = _with_columns(origin)
    # The source is in it, so that row 1 of one export and row 1 of another are two customers.
    return Template((f"synthetic:{source}:{template.parts[0]}", *template.parts[1:]))


def _values(entry: Entry) -> dict[str, str | None]:
    return {name: one.text_or_null() for name, one in entry.fields().items()}


def _other(entry: Entry) -> Template:
    text = entry.text_or_null()
    return Template(("",)) if text is None else _template(entry)


def _unit(entry: Entry, field: Field) -> str:
    if field.kind != "seconds":
        raise entry.failure(f"{field.name} is no duration; take `unit:` out")
    return entry.one_of(UNITS)


def _cut(entry: Entry, field: Field) -> int:
    if not can_be_cut(field):
        raise entry.failure(f"{field.name} cannot be cut: two ids could become one, or it is no text")
    length = entry.text()
    if not re.fullmatch("[1-9][0-9]{0,3}", length) or int(length) > field.high:
        raise entry.failure(f"{length!r} is no length from 1 to {field.high}")
    return int(length)


def _check_constants(fields: dict[str, Entry], rule: FieldRule) -> None:
    """Every value that the mapping itself writes must be one that the field can hold."""
    if "constant" in fields and rule.values is None:
        _check_constant(fields["constant"], rule, rule.origin.parts[0])
    if rule.other is not None and not rule.other.columns:
        _check_constant(fields["other"], rule, rule.other.parts[0])
    for name, text in (rule.values or {}).items():
        _check_constant(fields["values"].fields()[name], rule, text)


def _check_constant(entry: Entry, rule: FieldRule, text: str | None) -> None:
    if not text:
        return
    try:
        convert(rule.field, text, rule.unit, rule.cut)
    except CellError as error:
        raise entry.failure(f"{rule.field.name}: {error}") from error


def _with_columns(entry: Entry) -> Template:
    template = _template(entry)
    if not template.columns:
        raise entry.failure(
            f"{entry.text()!r} would be the same in every row; name a column, as in '{{Call Id}}'"
        )
    return template


def _template(entry: Entry) -> Template:
    """`text {Column} text`; a brace itself is written twice."""
    parts: list[str] = [""]
    for piece in re.findall(r"\{\{|\}\}|\{[^{}]+\}|[{}]|[^{}]+", entry.filled()):
        if piece in {"{", "}"}:
            raise entry.failure(f"{entry.text()!r} has a lone {piece!r}; a brace itself is written twice")
        if len(piece) > 2 and piece[0] == "{":  # noqa: PLR2004 - longer than a brace written twice
            parts += [piece[1:-1], ""]
        else:
            parts[-1] += piece[0] if piece in {"{{", "}}"} else piece
    return Template(tuple(parts))


def _texts(entry: Entry | None) -> list[str]:
    return [one.text() for one in entry.entries()] if entry else []


def _filled_list(entry: Entry) -> list[Entry]:
    entries = entry.entries()
    if not entries:
        raise entry.failure("is an empty list; write at least one")
    return entries


def _flag(entry: Entry) -> bool:
    return entry.one_of(("true", "false")) == "true"


def _choice(fields: dict[str, Entry], name: str, choices: tuple[str, ...]) -> str:
    """One of `choices`, the first where the mapping does not say."""
    return fields[name].one_of(choices) if name in fields else choices[0]


def _limited(entry: Entry) -> str:
    try:
        return check_length(entry.filled(), 1, MAX_IDENTITY_LENGTH)
    except CellError as error:
        raise entry.failure(str(error)) from error
