"""Texts that repeat (members of dimensions, sources, topics) are kept as numbers, each text once.

Numbers are stored, searched and summed in a fraction of the time that texts take; views show the texts.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from duckdb import DuckDBPyConnection

from pipeline.connection import registered
from pipeline.fields import ABSENT_TEXTS

ABSENT = 0
"""The number of a text that is absent; as a member it is shown as (none)."""

MAX_CACHED = 100_000


class Names:
    """The numbers of texts, remembered while there are not too many.

    New ones are stored in the caller's transaction: call `forget` where it failed.
    """

    def __init__(self, con: DuckDBPyConnection) -> None:
        self._con = con
        self._texts: dict[str | None, int] = {}
        self._members: dict[str | None, int] = {}
        self.forget()

    def forget(self) -> None:
        """Look everything up again."""
        self._texts.clear()
        self._members.clear()
        self._members.update(dict.fromkeys((None, *ABSENT_TEXTS), ABSENT))

    def texts(self, texts: Sequence[str | None]) -> pa.Array:
        """One int32 per text, new texts being numbered on."""
        return self._numbers(self._texts, texts)

    def members(self, texts: Sequence[str | None]) -> pa.Array:
        """The same for members of dimensions: what means absent there is ABSENT."""
        return self._numbers(self._members, texts)

    def _numbers(self, cache: dict[str | None, int], texts: Sequence[str | None]) -> pa.Array:
        try:
            return _looked_up(cache, texts)
        except KeyError:
            if len(cache) > MAX_CACHED:
                self.forget()
            cache.update(self._learn(set(texts) - cache.keys()))
            return _looked_up(cache, texts)

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
