"""Texts that repeat (members of dimensions, sources, topics) are kept as numbers, each text once.

Numbers are stored, searched and summed in a fraction of the time that texts take; views show the texts.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.connection import registered
from pipeline.fields import ABSENT_TEXTS

ABSENT = 0
"""The number of a text that is absent; as a member it is shown as (none)."""

MAX_CACHED = 100_000

Numbers = npt.NDArray[np.int32]


class Vocabulary:
    """The texts of some events, numbered from 1 as they come: numbers that hold among those events only."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self._texts: dict[str | None, int] = {}
        self._members: dict[str | None, int] = dict.fromkeys((None, *ABSENT_TEXTS), ABSENT)

    def texts(self, texts: Sequence[str]) -> pa.Array:
        """One int32 per text."""
        return self._numbers(self._texts, texts)

    def members(self, texts: Sequence[str | None]) -> pa.Array:
        """The same for members of dimensions: what means absent there is ABSENT."""
        return self._numbers(self._members, texts)

    def _numbers(self, known: dict[str | None, int], texts: Sequence[str | None]) -> pa.Array:
        try:
            return _looked_up(known, texts)
        except KeyError:
            for text in dict.fromkeys(texts):
                if text is not None and text not in known:
                    self.known.append(text)
                    known[text] = len(self.known)
            return _looked_up(known, texts)


class Names:
    """The numbers of texts in the database, remembered while there are not too many.

    New ones are stored in the caller's transaction: call `forget` where it failed.
    """

    def __init__(self, con: DuckDBPyConnection) -> None:
        self._con = con
        self._known: dict[str | None, int] = {}

    def forget(self) -> None:
        """Look everything up again."""
        self._known.clear()

    def numbers(self, texts: Sequence[str]) -> Numbers:
        """One int32 per text, new texts being numbered on."""
        unknown = set(texts) - self._known.keys()
        if unknown:
            if len(self._known) > MAX_CACHED:
                self.forget()
                unknown = set(texts)
            self._known.update(self._learn(unknown))
        return np.fromiter(map(self._known.__getitem__, texts), np.int32, len(texts))

    def of(self, vocabulary: Vocabulary) -> Numbers:
        """By number in a vocabulary, the number in the database; ABSENT is the same in both."""
        return np.concatenate(([np.int32(ABSENT)], self.numbers(vocabulary.known)), dtype=np.int32)

    def _learn(self, texts: Iterable[str | None]) -> list[tuple[str, int]]:
        """The numbers of texts, stored if they are new; 0 is no text's own."""
        wanted = pa.table({"name": pa.array(list(texts), pa.string())})
        with registered(self._con, {"wanted_names": wanted}):
            self._con.execute(
                "insert into internal.names "
                "select (select max(number) from internal.names) + row_number() over (order by name), name "
                "from wanted_names "
                "anti join (from internal.names where number > 0) using (name)"
            )
            return self._con.execute(
                "select name, number from internal.names semi join wanted_names using (name) where number > 0"
            ).fetchall()


def _looked_up(cache: Mapping[str | None, int], texts: Sequence[str | None]) -> pa.Array:
    return pa.array(np.fromiter(map(cache.__getitem__, texts), np.int32, len(texts)))
