"""From bytes to columns: the records of a transaction become decoded events, rejections and tombstones.

The plain majority is decoded set-wise in SQL (sql/decode.sql); what is broken or only unusual goes to
judge.py one by one. Both read the field table (fields.py), and a property test holds them together.
"""

import json
from collections.abc import Iterable, Sequence

import duckdb
import msgspec
import pyarrow as pa

from pipeline import fields
from pipeline.arrivals import Arrivals
from pipeline.fields import FIELDS, Field
from pipeline.judge import Touchpoint, Verdict, judge
from pipeline.sql import fill

_ARROW = {
    "text": pa.string(),
    "choice": pa.string(),
    "integer": pa.int8(),
    "seconds": pa.int64(),
    "boolean": pa.bool_(),
}
_SQL = {"integer": "utinyint", "seconds": "decimal(11, 3)"}
_JUDGED = pa.schema(
    [
        ("n", pa.int32()),
        ("source", pa.string()),
        ("id", pa.string()),
        ("type", pa.string()),
        ("occurred_us", pa.int64()),
    ]
    + [(field.name, _ARROW[field.kind]) for field in FIELDS]
)


def decode(con: duckdb.DuckDBPyConnection, arrivals: Arrivals) -> dict[int, Verdict]:
    """Decode and validate all records: the accepted ones into the temporary table `decoded`.

    Returns the verdicts of the rejected ones, by running number.
    """
    values, stamps = arrivals.values, arrivals.stamps
    strict = _strict_json(values)
    raw = pa.table(
        {
            "n": pa.array(strict, pa.int32()),
            "value": pa.array([values[n] for n in strict], pa.binary()).cast(pa.string()),
            "timestamp_ms": pa.array([stamps[n] for n in strict], pa.int64()),
        }
    )
    con.register("raw", raw)
    try:
        con.execute(STATEMENT)
    finally:
        con.unregister("raw")
    unusual = con.execute("from decoded select n where not plain").fetchall()
    odd = sorted({n for (n,) in unusual}.union(_others(values, strict)))
    return _judge_each(con, odd, values, stamps)


def _strict_json(values: Sequence[bytes | None]) -> list[int]:
    """The numbers of the records that are strict JSON in UTF-8 and not too large.

    DuckDB's parser is lax (NaN, trailing commas); msgspec's is not, and skips a record in 0.2 us.
    """
    check = msgspec.json.Decoder(msgspec.Raw).decode
    passed = []
    for n, value in enumerate(values):
        if value is None or len(value) > fields.MAX_RECORD_BYTES:
            continue
        try:
            check(value)
        except (msgspec.DecodeError, RecursionError):
            continue
        passed.append(n)
    return passed if _is_utf8(values, passed) else [n for n in passed if _is_utf8(values, [n])]


def _is_utf8(values: Sequence[bytes | None], numbers: Sequence[int]) -> bool:
    try:
        pa.array([values[n] for n in numbers], pa.binary()).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


def _others(values: Sequence[bytes | None], strict: Sequence[int]) -> Iterable[int]:
    if len(strict) == len(values):
        return ()
    passed = set(strict)
    return (n for n, value in enumerate(values) if value is not None and n not in passed)


def _judge_each(
    con: duckdb.DuckDBPyConnection,
    numbers: Iterable[int],
    values: Sequence[bytes | None],
    stamps: Sequence[int | None],
) -> dict[int, Verdict]:
    """Judge the unusual records one by one: accepted ones join `decoded`, the verdicts of others return."""
    con.execute("delete from decoded where not plain")
    rejected: dict[int, Verdict] = {}
    accepted: list[tuple[int, Touchpoint]] = []
    for n in numbers:
        judged = judge(values[n] or b"", stamps[n])
        if isinstance(judged, Verdict):
            rejected[n] = judged
        else:
            accepted.append((n, judged))
    if accepted:
        _add(con, accepted)
    return rejected


def _add(con: duckdb.DuckDBPyConnection, accepted: Sequence[tuple[int, Touchpoint]]) -> None:
    rows = [dict(zip(_JUDGED.names, (n, *touchpoint), strict=True)) for n, touchpoint in accepted]
    con.register("judged", pa.Table.from_pylist(rows, schema=_JUDGED))
    con.execute(
        "insert into decoded select * replace ((wait_s / 1000)::decimal(11, 3) as wait_s, "
        "(handle_s / 1000)::decimal(11, 3) as handle_s, make_timestamptz(occurred_us) as occurred_us), true "
        "from judged"
    )
    con.unregister("judged")


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _structure() -> str:
    """The shape asked of json_transform: numbers and booleans as JSON, so that "4" is told from 4."""
    data = {field.name: "VARCHAR" if field.kind in ("text", "choice") else "JSON" for field in FIELDS}
    envelope = dict.fromkeys(("specversion", "id", "source", "type", "time"), "VARCHAR")
    return json.dumps({**envelope, "data": data})


def _data_column(field: Field) -> str:
    """The field as it was sent: an absent text is null, a number or boolean is its JSON text or null."""
    path = f"event.data.{field.name}"
    if field.kind == "text":
        return f"case when {path} not in ({_quoted(fields.ABSENT_TEXTS)}) then {path} end as {field.name},"
    if field.kind == "choice":
        return f"{path} as {field.name},"
    text = f"nullif({path}::varchar, 'null')"
    if field.kind == "boolean":
        return f"{text} as {field.name}_text,"
    return f"{text} as {field.name}_text, try_cast({text} as {_SQL[field.kind]}) as {field.name},"


def _stored_column(field: Field) -> str:
    """The field as it is stored: null in the types that do not read it."""
    stored = f"{field.name}_text = 'true'" if field.kind == "boolean" else field.name
    if field.default is not None:
        stored = f"coalesce({stored}, '{field.default}')"
    if field.read_by != fields.TYPES:
        stored = f"case when {_is_type(field.read_by)} then {stored} end"
    return f"{stored} as {field.name},"


def _is_type(types: Sequence[str]) -> str:
    """The flag of sql/decode.sql for one type; fields are read by one type or by all."""
    (kind,) = types
    return {fields.CONTACT: "is_contact", fields.SURVEY: "is_survey"}[kind]


def _rules(field: Field) -> Iterable[str]:
    """What a plain event's field fulfils, as conditions of sql/decode.sql; cheap ones, erring to no."""
    name = field.name
    if field.required_by == fields.TYPES:
        yield f"and {name} is not null"
    elif field.required_by:
        yield f"and ({name} is not null or type not in ({_quoted(field.required_by)}))"
    if field.kind == "text":
        yield f"and coalesce(strlen({name}) <= {field.high}, true)"
    elif field.kind == "choice":
        yield f"and coalesce({name} in ({_quoted(field.choices)}), true)"
    elif field.kind == "integer":
        yield (
            f"and ({name}_text is null "
            f"or coalesce(strlen({name}_text) <= 2 and {name} between {field.low} and {field.high}, false))"
        )
    elif field.kind == "seconds":
        yield (
            f"and ({name}_text is null "
            f"or coalesce({name} >= 0 and {name} < {field.high} and ascii({name}_text) <> 45, false))"
        )
    else:
        yield f"and coalesce({name}_text in ('true', 'false'), true)"


def _statement() -> str:
    texts = [field.name for field in FIELDS if field.kind == "text"]
    paths = [f"$.{name}" for name in ("specversion", "id", "source")] + [f"$.data.{name}" for name in texts]
    answers = ", ".join(f"{name}_text" for name in fields.ANSWERS)
    answered = f"and (not is_survey or coalesce({answers}) is not null)"
    return fill(
        "decode",
        structure=_structure(),
        data_columns="\n        ".join(map(_data_column, FIELDS)),
        stored_columns="\n    ".join(map(_stored_column, FIELDS)),
        identity_length=str(fields.MAX_IDENTITY_LENGTH),
        types=_quoted(fields.TYPES),
        contact=fields.CONTACT,
        survey=fields.SURVEY,
        future_us=str(fields.FUTURE_TOLERANCE_MS * 1000),
        rules="\n        ".join([*(rule for field in FIELDS for rule in _rules(field)), answered]),
        doubtful=" or ".join(f"internal.looks_unquoted({name})" for name in ("id", "source", *texts)),
        text_paths=_quoted(paths),
    )


STATEMENT = _statement()
