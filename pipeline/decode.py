"""From bytes to columns: the records of a transaction become decoded events, rejections and tombstones.

What is plainly right becomes columns at once (plain/); what is broken or only unusual goes to judge.py
one by one. All read the field table (fields.py), and a property test holds them together.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import fields
from pipeline.arrivals import Arrivals
from pipeline.fields import FIELDS, NAMED, Field
from pipeline.judge import Touchpoint, Verdict, judge
from pipeline.names import ABSENT, Names, Vocabulary
from pipeline.plain.events import plain_events

SLICE_RECORDS = 12_288
"""Records decoded at a time: their bytes are joined for it, and stay in the processor's cache."""

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

_NO_LATER_MS = 10**15
"""Beyond all events, and within range as microseconds: the timestamp of a record that has none."""


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
    starts = range(0, len(arrivals.values), SLICE_RECORDS)
    plain = pa.concat_tables([DECODED.empty_table(), *(_plain(arrivals, first, words) for first in starts)])
    judged = {
        n: judge(arrivals.values[n] or b"", arrivals.stamps[n]) for n in _others(arrivals.values, plain["n"])
    }
    unusual = _unusual({n: each for n, each in judged.items() if isinstance(each, Touchpoint)}, words)
    return Decoded(
        pa.concat_tables([plain, unusual]).combine_chunks(),
        words,
        {n: each for n, each in judged.items() if isinstance(each, Verdict)},
    )


def _plain(arrivals: Arrivals, first: int, words: Vocabulary) -> pa.Table:
    """The plain events of a slice of the records."""
    part = slice(first, first + SLICE_RECORDS)
    found, texts = plain_events(arrivals.values[part], _latest_us(arrivals.stamps[part]))
    numbers = pa.concat_arrays([pa.array([ABSENT], pa.int32()), words.texts(texts)])
    columns = {
        "n": pc.add(found["n"], pa.scalar(first, pa.int32())),
        "type": pa.array(fields.TYPES).take(found["type"]),
        "occurred_at": found["occurred_at"].cast(_MOMENT),
        "source": numbers.take(found["source"]),
        "id": found["id"],
    }
    for field in FIELDS:
        column = found[field.name]
        if field.name in NAMED:
            column = numbers.take(column)
        elif field.kind == "choice":
            column = pa.array(field.choices).take(column)
        columns[_stored(field)] = column
    return pa.table(columns, DECODED)


def _latest_us(stamps: Sequence[int | None]) -> npt.NDArray[np.int64]:
    """The latest moments that records of these Kafka timestamps may name: these may be any numbers."""
    ms: npt.NDArray[np.int64] = pa.array(stamps, pa.int64()).fill_null(_NO_LATER_MS).to_numpy()
    return (np.clip(ms, -_NO_LATER_MS, _NO_LATER_MS) + fields.FUTURE_TOLERANCE_MS) * 1000


def _others(values: Sequence[bytes | None], plain: pa.ChunkedArray) -> list[int]:
    """The numbers of the records that are neither plain nor tombstones."""
    if len(plain) == len(values):
        return []
    is_left = np.ones(len(values), np.bool_)
    is_left[plain.to_numpy()] = False
    return [n for n in np.flatnonzero(is_left).tolist() if values[n] is not None]


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
