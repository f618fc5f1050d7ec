"""Where events.c writes: columns with room for every record, and for the longest texts."""

from ctypes import c_void_p
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.fields import FIELDS, NAMED, Field
from pipeline.plain.structures import Column, Columns, Words

_WORDS_PER_RECORD = 1 + len(NAMED)
"""At most: the source, and fields whose texts repeat."""
_SEED = hash("words") % 2**64
"""Python's own salt of the process: nobody can choose texts that meet in the table. No result hangs on it."""


def address(array: npt.NDArray[Any]) -> c_void_p:
    """Where it begins; it must outlive whoever reads there."""
    return c_void_p(array.ctypes.data)


class _Texts:
    """Room for a text per row, one after the other."""

    def __init__(self, rows: int, size: int) -> None:
        self.ends = np.zeros(rows + 1, np.int32)
        self.bytes = np.empty(size, np.uint8)
        self.present = np.ones(rows, np.bool_)
        self.column = Column(address(self.ends), address(self.bytes), address(self.present))

    def array(self, rows: int) -> pa.Array:
        size = self.ends[rows]
        present = np.packbits(self.present[:rows], bitorder="little")
        buffers = map(pa.py_buffer, (self.ends[: rows + 1], self.bytes[:size].copy()))
        return pa.StringArray.from_buffers(rows, *buffers, pa.py_buffer(present))


class _Numbers:
    """Room for a number per row, an absent one being below 0."""

    def __init__(self, rows: int, type_: npt.DTypeLike) -> None:
        self.values = np.empty(rows, type_)
        self.column = Column(address(self.values), None, None)

    def array(self, rows: int) -> pa.Array:
        values = self.values[:rows]
        return pa.array(values, mask=values < 0)


class _Booleans(_Numbers):
    """The same as true and false."""

    def array(self, rows: int) -> pa.Array:
        return super().array(rows).cast(pa.bool_())


def _room(field: Field, rows: int, size: int) -> _Texts | _Numbers:
    if field.name in NAMED:
        return _Numbers(rows, np.int32)
    if field.kind == "text":
        return _Texts(rows, size)
    if field.kind == "seconds":
        return _Numbers(rows, np.int64)
    return _Booleans(rows, np.int8) if field.kind == "boolean" else _Numbers(rows, np.int8)


class Room:
    """For every record, the longest texts and the most words; `columns` says where it is."""

    def __init__(self, rows: int, size: int) -> None:
        self._numbers = np.empty(rows, np.int32)
        self._types = np.empty(rows, np.int8)
        self._moments = np.empty(rows, np.int64)
        self._sources = np.empty(rows, np.int32)
        self._ids = _Texts(rows, size)
        self._fields = [_room(field, rows, size) for field in FIELDS]
        slots = 1 << (2 * _WORDS_PER_RECORD * rows).bit_length()
        self._slots = np.zeros(slots, np.uint32)
        self._word_ends = np.zeros(_WORDS_PER_RECORD * rows + 1, np.int32)
        self._word_bytes = np.empty(size, np.uint8)
        self.columns = Columns(
            address(self._numbers),
            address(self._types),
            address(self._moments),
            address(self._sources),
            self._ids.column,
            (Column * len(FIELDS))(*(each.column for each in self._fields)),
            Words(
                address(self._slots), address(self._word_ends), address(self._word_bytes), slots - 1, _SEED, 0
            ),
        )

    def filled(self, rows: int) -> dict[str, pa.Array]:
        """The first rows."""
        return {
            "n": pa.array(self._numbers[:rows]),
            "type": pa.array(self._types[:rows]),
            "occurred_at": pa.array(self._moments[:rows]),
            "source": pa.array(self._sources[:rows]),
            "id": self._ids.array(rows),
            **{field.name: each.array(rows) for field, each in zip(FIELDS, self._fields, strict=True)},
        }

    def words(self) -> list[str]:
        """The texts that repeat, each once, in the order they came."""
        ends = self._word_ends[: self.columns.words.count + 1].tolist()
        text = self._word_bytes[: ends[-1]].tobytes()
        return [text[first:end].decode() for first, end in pairwise(ends)]
