"""Which records are plainly right, and what they hold, as columns: by events.c, told of the fields.

It runs without Python's lock, so that other threads go on. What it passes over is not wrong yet: judge.py
knows 4.0 for an integer, and the reasons.
"""

import ctypes
import hashlib
import sysconfig
from collections.abc import Sequence
from ctypes import POINTER, c_char, c_int64, c_void_p, pointer
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline import fields
from pipeline.errors import FirsthandError
from pipeline.plain.room import Room, address
from pipeline.plain.rules import rules
from pipeline.plain.structures import Columns, Rules


class PlainEvents(NamedTuple):
    """The plainly right events in the order of their records, and the texts that repeat in them.

    `columns`: `n`, the record's number among those asked about; `type`, a number in TYPES; `occurred_at`,
    microseconds from 1970; `id`; `source`, a number in `words`, counted from 1. Then by field: NAMED ones
    as numbers in `words` (0: absent), other choices as numbers in theirs, seconds in thousandths.
    """

    columns: dict[str, pa.Array]
    words: list[str]


def plain_events(values: Sequence[bytes | None], latest_us: npt.NDArray[np.int64]) -> PlainEvents:
    """Read the records that are plainly right; one whose moment is after its `latest_us` is not.

    >>> found = plain_events([b"[]", None], np.array([0, 0]))
    >>> len(found.columns["n"]), found.words
    (0, [])
    """
    records = [value or b"" for value in values]
    lengths = np.fromiter(map(len, records), np.int64, len(records))
    spare = np.empty(fields.MAX_RECORD_BYTES, np.uint8)
    room = Room(len(records), int(lengths.sum()))
    where = _addresses(records)
    rows = _read(
        _RULES,
        address(where),
        address(lengths),
        address(latest_us),
        len(records),
        address(spare),
        room.columns,
    )
    return PlainEvents(room.filled(rows), room.words())


def _addresses(records: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """Where CPython keeps the bytes of each, which end with a NUL: joining them took a fifth of `decode`."""
    return np.fromiter(map(id, records), np.int64, len(records)) + (bytes.__basicsize__ - 1)


def _library(folder: Path) -> ctypes.CDLL:
    """What setup.py compiled there. FirsthandError where that was from other sources than lie beside it."""
    library = ctypes.CDLL(str(folder / f"events_c{sysconfig.get_config_var('EXT_SUFFIX')}"))
    sources = b"".join(each.read_bytes() for each in sorted(folder.glob("*.[ch]")))
    if _compiled_from(library) != hashlib.sha256(sources).hexdigest():
        raise FirsthandError(f"{folder} was compiled from other sources: `make setup`, or install it again")
    return library


def _compiled_from(library: ctypes.CDLL) -> str:
    """The digest of its sources; empty for one that does not know."""
    try:
        return (c_char * 64).in_dll(library, "sources").raw.decode()
    except ValueError:
        return ""


_RULES = pointer(rules())
_read = _library(Path(__file__).parent).read_plain
_read.restype = c_int64
_read.argtypes = (POINTER(Rules), *[c_void_p] * 3, c_int64, c_void_p, POINTER(Columns))
