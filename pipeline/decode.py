"""From bytes to columns: the records of a transaction become decoded events, rejections and tombstones.

What is plainly right (plain.py) is decoded set-wise in SQL (sql/decode.sql); what is broken or only
unusual goes to judge.py one by one. All read the field table (fields.py), and a property test holds them
together.
"""

import json
from collections.abc import Iterable, Sequence

import duckdb
import pyarrow as pa

from pipeline import fields
from pipeline.arrivals import Arrivals
from pipeline.fields import FIELDS, Field
from pipeline.judge import Touchpoint, Verdict, judge
from pipeline.plain import plain_numbers
from pipeline.sql import fill, load

_ARROW = {
    "text": pa.string(),
    "choice": pa.string(),
    "integer": pa.int8(),
    "seconds": pa.int64(),
    "boolean": pa.bool_(),
}
_JSON_TYPES = {
    "text": "VARCHAR",
    "choice": "VARCHAR",
    "integer": "UTINYINT",
    "seconds": "DOUBLE",
    "boolean": "BOOLEAN",
}
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

    Returns the verdicts of the rejected ones, by running number. The coordinates of all records stay
    registered as `arrivals` for the steps that follow.
    """
    values, stamps = arrivals.values, arrivals.stamps
    coordinates = arrivals.coordinates()
    con.register("arrivals", coordinates)
    numbers = plain_numbers(values)
    raw = coordinates if len(numbers) == len(values) else coordinates.take(pa.array(numbers, pa.int64()))
    raw = raw.append_column("value", pa.array([values[n] for n in numbers], pa.binary()).cast(pa.string()))
    con.register("raw", raw)
    try:
        con.execute(STATEMENT)
    finally:
        con.unregister("raw")
    unusual = con.execute("from decoded select n where not plain").fetchall()
    odd = sorted({n for (n,) in unusual}.union(_others(values, numbers)))
    return _judge_each(con, odd, values, stamps)


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
    con.execute(load("join_judged"))
    con.unregister("judged")


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"'{text}'" for text in texts)


def _structure() -> str:
    """The shape asked of json_transform."""
    data = {field.name: _JSON_TYPES[field.kind] for field in FIELDS}
    envelope = dict.fromkeys(("id", "source", "type", "time"), "VARCHAR")
    return json.dumps({**envelope, "data": data})


def _data_column(field: Field) -> str:
    """The field as it was sent; a text that means absent is null."""
    path = f"event.data.{field.name}"
    if field.kind == "text":
        return f"case when {path} not in ({_quoted(fields.ABSENT_TEXTS)}) then {path} end as {field.name},"
    return f"{path} as {field.name},"


def _stored_column(field: Field) -> str:
    """The field as it is stored: null in the types that do not read it."""
    stored = f"{field.name}::decimal(11, 3)" if field.kind == "seconds" else field.name
    if field.default is not None:
        stored = f"coalesce({stored}, '{field.default}')"
    if field.read_by != fields.TYPES:
        (kind,) = field.read_by
        flag = {fields.CONTACT: "is_contact", fields.SURVEY: "is_survey"}[kind]
        stored = f"case when {flag} then {stored} end"
    return f"{stored} as {field.name},"


def _required(field: Field) -> str:
    if field.required_by == fields.TYPES:
        return f"and {field.name} is not null"
    return f"and ({field.name} is not null or type not in ({_quoted(field.required_by)}))"


def _statement() -> str:
    return fill(
        "decode",
        structure=_structure(),
        data_columns="\n        ".join(map(_data_column, FIELDS)),
        stored_columns="\n    ".join(map(_stored_column, FIELDS)),
        contact=fields.CONTACT,
        survey=fields.SURVEY,
        future_us=str(fields.FUTURE_TOLERANCE_MS * 1000),
        required="\n        ".join(_required(field) for field in FIELDS if field.required_by),
        answers=", ".join(f"{name}::varchar" for name in fields.ANSWERS),
    )


STATEMENT = _statement()
