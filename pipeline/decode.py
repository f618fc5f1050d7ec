"""From bytes to columns: the records of a transaction become decoded events, rejections and tombstones.

What is plainly right (plain.py) is taken column by column; what is broken or only unusual goes to
judge.py one by one. All read the field table (fields.py), and a property test holds them together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from operator import attrgetter
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import fields
from pipeline.arrivals import Arrivals
from pipeline.fields import FIELDS, NAMED, Field
from pipeline.judge import Touchpoint, Verdict, judge
from pipeline.names import Names, Vocabulary
from pipeline.plain import PlainEvents, plain_events
from pipeline.rfc3339 import FIRST_US, LAST_US, instant

SLICE_RECORDS = 12_288
"""Records decoded at a time: their events stay in the processor's cache until they are columns."""

_MOMENT = pa.timestamp("us", "UTC")
_TYPES = {
    "text": pa.string(),
    "choice": pa.string(),
    "integer": pa.int8(),
    "seconds": pa.int64(),
    "boolean": pa.bool_(),
}


def _stored(field: Field) -> str:
    """The column of a field: seconds are kept as milliseconds."""
    return field.name.removesuffix("_s") + "_ms" if field.kind == "seconds" else field.name


def _arrow_type(field: Field) -> pa.DataType:
    return pa.int32() if field.name in NAMED else _TYPES[field.kind]


DECODED = pa.schema(
    [
        ("n", pa.int32()),
        ("type", pa.string()),
        ("occurred_at", _MOMENT),
        ("source", pa.int32()),
        ("id", pa.string()),
        *((_stored(field), _arrow_type(field)) for field in FIELDS),
    ]
)
"""The columns of decoded events; source and the NAMED fields are numbers of a vocabulary (names.py)."""

_COMMON_TIME = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.][0-9]{1,6})?"
    "(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])$"
)


_EARLIEST_STAMP, _LATEST_STAMP = pa.scalar(-(10**15), pa.int64()), pa.scalar(10**15, pa.int64())
"""Milliseconds: beyond all events either way, and within range as microseconds."""


class Decoded(NamedTuple):
    """What the records say: right events (columns of DECODED), and why the others are rejected, by n."""

    events: pa.Table
    words: Vocabulary
    rejected: dict[int, Verdict]

    def named(self, names: Names) -> pa.Table:
        """The events with the database's numbers, instead of the vocabulary's."""
        events, numbers = self.events, pa.array(names.of(self.words))
        for name in ("source", *NAMED):
            events = events.set_column(events.column_names.index(name), name, numbers.take(events[name]))
        return events


def decode(arrivals: Arrivals) -> Decoded:
    """Decode and validate all records; tombstones are in neither part of what returns."""
    words = Vocabulary()
    plain = pa.concat_tables(
        [
            DECODED.empty_table(),
            *(
                part
                for first in range(0, len(arrivals.values), SLICE_RECORDS)
                for part in _plain(arrivals, first, words)
            ),
        ],
        promote_options="default",
    )
    judged = {
        n: judge(arrivals.values[n] or b"", arrivals.stamps[n]) for n in _others(arrivals.values, plain["n"])
    }
    unusual = _unusual({n: each for n, each in judged.items() if isinstance(each, Touchpoint)}, words)
    return Decoded(
        pa.concat_tables([plain, unusual]).combine_chunks(),
        words,
        {n: each for n, each in judged.items() if isinstance(each, Verdict)},
    )


def _plain(arrivals: Arrivals, first: int, words: Vocabulary) -> Iterator[pa.Table]:
    """The plain events of a slice of the records, a table for each of their types."""
    stamps = pa.array(arrivals.stamps[first : first + SLICE_RECORDS], pa.int64())
    for kind, plain in plain_events(arrivals.values[first : first + SLICE_RECORDS]).items():
        if plain.events:
            table = _columns(kind, plain, stamps, words)
            yield table.set_column(0, "n", pc.add(table["n"], pa.scalar(first, pa.int32())))


def _columns(kind: str, plain: PlainEvents, stamps: pa.Array, words: Vocabulary) -> pa.Table:
    """The events of one type as columns, less those that only judge.py can tell."""
    numbers = pa.array(plain.numbers, pa.int32())
    data = [event.data for event in plain.events]
    columns = {
        "n": numbers,
        "type": pa.repeat(pa.scalar(kind), len(numbers)),
        "occurred_at": _moments(_all("time", plain.events)),
        "source": words.texts(_all("source", plain.events)),
        "id": pa.array(_all("id", plain.events), pa.string()),
    }
    for field in FIELDS:
        if kind in field.read_by:
            columns[_stored(field)] = _column(field, _all(field.name, data), words)
    table = pa.table(columns)
    return table.filter(mask) if (mask := _plainly(kind, table, stamps)) is not None else table


def _all(name: str, things: Iterable[object]) -> list[Any]:
    return list(map(attrgetter(name), things))


def _column(field: Field, values: Sequence[Any], words: Vocabulary) -> pa.Array:
    """A field as it is stored: what means absent is null (or number 0), seconds are milliseconds."""
    if field.name in NAMED:
        return words.members(values)
    if field.kind == "seconds":
        return pc.round(pc.multiply(pa.array(values, pa.float64()), 1000.0)).cast(pa.int64())
    column = pa.array(values, _TYPES[field.kind])
    if field.default is not None:
        return column.fill_null(field.default)
    if field.kind == "text":
        absent = pc.is_in(column, pa.array(fields.ABSENT_TEXTS))
        return pc.if_else(absent, None, column) if pc.any(absent).as_py() else column
    return column


def _moments(times: Sequence[str]) -> pa.Array:
    """The instants of RFC 3339 times; null where one is written otherwise, or is none."""
    texts = pa.array(times, pa.string())
    common = pc.match_substring_regex(texts, _COMMON_TIME)
    try:
        moments = pc.if_else(common, texts, None).cast(_MOMENT)
    except pa.ArrowInvalid:  # a day that the calendar lacks, somewhere
        return pa.array([instant(time) for time in times], pa.int64()).cast(_MOMENT)
    us = moments.cast(pa.int64())
    return pc.if_else(pc.and_(pc.greater_equal(us, FIRST_US), pc.less_equal(us, LAST_US)), moments, None)


def _plainly(kind: str, table: pa.Table, stamps: pa.Array) -> pa.ChunkedArray | None:
    """Which rows need no judge, as a mask; None where that is all of them."""
    required = [_stored(each) for each in FIELDS if kind in each.required_by]
    present = [table[name] for name in ("occurred_at", *required) if table[name].null_count]
    checks = [each.is_valid() for each in present]
    latest = pc.add(pc.multiply(_held(stamps.take(table["n"])), 1000), fields.FUTURE_TOLERANCE_MS * 1000)
    early = pc.greater(table["occurred_at"].cast(pa.int64()), latest).fill_null(False)
    if pc.any(early).as_py():
        checks.append(pc.invert(early))
    if kind == fields.SURVEY:
        checks.append(reduce(pc.or_, [table[name].is_valid() for name in fields.ANSWERS]))
    return reduce(pc.and_, checks) if checks else None


def _held(stamps: pa.Array) -> pa.Array:
    """Timestamps within the times that events can have: a sender may write any number."""
    no_later = pc.min_element_wise(stamps, _LATEST_STAMP, skip_nulls=False)
    return pc.max_element_wise(no_later, _EARLIEST_STAMP, skip_nulls=False)


def _others(values: Sequence[bytes | None], plain: pa.ChunkedArray) -> list[int]:
    """The numbers of the records that are neither plain nor tombstones."""
    if len(plain) == len(values):
        return []
    passed = set(plain.to_pylist())
    return [n for n, value in enumerate(values) if value is not None and n not in passed]


def _unusual(accepted: Mapping[int, Touchpoint], words: Vocabulary) -> pa.Table:
    """What the judge accepted, in the same columns."""
    rows = [{**touchpoint._asdict(), "n": n} for n, touchpoint in accepted.items()]
    columns = {"occurred_at": pa.array([row["occurred_at_us"] for row in rows], pa.int64()).cast(_MOMENT)}
    columns["source"] = words.texts([row["source"] for row in rows])
    for name in NAMED:
        columns[name] = words.members([row[name] for row in rows])
    plain = {
        each.name: pa.array([row[each.name] for row in rows], each.type)
        for each in DECODED
        if each.name not in columns
    }
    return pa.table({**plain, **columns}).select(DECODED.names)
