"""A reader as DuckDB's own users are: DuckDB with its Quack client, in a process that is not the worker."""

from typing import Any, Self

import duckdb

from pipeline.live_sql.extensions import load_quack


class QuackReader:
    """A client of live SQL; the server is called `cx` in what it asks."""

    def __init__(self, uri: str, token: str, *, over_tls: bool | None = None) -> None:
        self.con = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        load_quack(self.con)
        tls = "" if over_tls is None else f", disable_ssl {not over_tls}"
        self.con.execute(f"attach '{uri}' as cx (token '{token}'{tls})")

    def ask(self, text: str) -> list[tuple[Any, ...]]:
        """The rows that the server answers with."""
        quoted = text.replace("'", "''")
        return self.con.execute(f"from cx.query('{quoted}')").fetchall()

    def refusal(self, text: str) -> str:
        """The line in which the server refuses; what it answers is a failure of the test."""
        try:
            rows = self.ask(text)
        except duckdb.Error as error:
            said, _, drawing = str(error).partition("\n\nLINE 1: ")
            assert "\n" not in said, said
            assert drawing or "LINE" not in said
            return said.removeprefix("Invalid Input Error: ").removeprefix("refused: ")
        raise AssertionError(f"{text}: answered {rows[:3]}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.con.close()
