"""What there is to ask for, in a small database of its own: no other holds a word of the worker's."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipeline.database import secluded
from pipeline.errors import RefusedError
from pipeline.live_sql.guard import RELATIONS


class Catalog:
    """Empty views by the names and with the columns of those that readers may read; and DuckDB's parser."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = secluded(memory_limit="64MB", threads="1")
        for relation in RELATIONS:
            columns = con.execute(f"describe {relation}").fetchall()
            empty = ", ".join(f'null::{kind} as "{name}"' for name, kind, *_ in columns)
            self._con.execute(f"create view {relation} as select {empty} where false")
        self._con.execute("set lock_configuration = true")

    def serialize(self, text: str) -> str:
        """The parse tree of a text, as JSON."""
        with self.reading() as con:
            try:
                row = con.execute("select json_serialize_sql($1::varchar)::varchar", [text]).fetchone()
            except duckdb.Error as error:
                raise RefusedError(
                    f"the query cannot be read: {' '.join(str(error).split())[:300]}"
                ) from error
        return str(row[0]) if row else ""

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection to ask it by."""
        with self._con.cursor() as con:
            yield con

    def close(self) -> None:
        """Let it go."""
        self._con.close()
