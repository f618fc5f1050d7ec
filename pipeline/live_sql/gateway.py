"""Quack, DuckDB's client-server protocol, in front of the desk.

Quack serves a whole DuckDB to whoever has its token. Here it serves an empty one: what it asks before each
query (may this be run?) is answered by running it at the desk, and telling Quack to show that answer instead.
"""

import secrets
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import duckdb
from duckdb.func import FunctionNullHandling
from duckdb.sqltypes import BOOLEAN, VARCHAR

from pipeline.address import LOOPBACK, from_here, is_for_others
from pipeline.connection import one, registered
from pipeline.errors import FirsthandError, InputError, RefusedError
from pipeline.live_sql.answer import Answer
from pipeline.live_sql.desk import Desk
from pipeline.live_sql.door import Door
from pipeline.live_sql.extensions import load_quack
from pipeline.live_sql.tokens import Tokens

PATIENCE_S = 10.0
LOOK_AGAIN_S = 0.01
MAX_SESSIONS = 10_000
KEPT_ANSWERS = 2
"""So many times the largest answer may wait to be fetched. A session's last one goes with its next query."""
LEAST_MEMORY_MB = 128
"""DuckDB takes up to half a megabyte for a column, however little is in it."""

_IN_TABLES = "select memory_usage_bytes from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"


class Gateway:
    """Who is let in, and what is shown to them. Quack calls from threads of its own."""

    def __init__(self, desk: Desk, tokens: Tokens, con: duckdb.DuckDBPyConnection) -> None:
        self._desk = desk
        self._tokens = tokens
        self._con = con
        self._sessions: OrderedDict[str, str] = OrderedDict()
        self._answers: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._keeping = threading.Lock()
        self._door = Door()

    def let_in(self, session: str, token: str, _: str) -> bool:
        """Whether this token is known."""
        if self._tokens.name_of(token) is None:
            return False
        self._sessions[session] = token
        if len(self._sessions) > MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return True

    def instead(self, session: str, text: str) -> str | None:
        """The query to run here instead of `text`: it shows the answer, or says why there is none."""
        try:
            with self._door.passed():
                if self._tokens.name_of(self._sessions.get(session, "")) is None:
                    raise RefusedError("this token is revoked; log in with another")
                return self._show(session, self._desk.answer(text))
        except FirsthandError as error:
            # Rows sent to be appended are announced so, and any text would be leave to append them.
            if text.startswith("INSERT INTO ") and text.endswith(" VALUES (NULL)"):
                return None
            return f"select error({_quoted(f'refused: {error}')})"

    def end(self) -> None:
        """Answer nobody from now on. Returns when all who asked have been told."""
        self._door.shut()
        self._desk.end()
        self._door.emptied()

    def _show(self, session: str, answer: Answer) -> str:
        """Keep an answer under a name that nobody can guess."""
        name = f"answer_{secrets.token_hex(16)}"
        casts = ", ".join(f"#{n}::{kind} as c{n}" for n, kind in enumerate(answer.types, 1))
        columns = answer.rows.rename_columns([f"c{n}" for n in range(1, len(answer.names) + 1)])
        with self._keeping, self._con.cursor() as con:
            self._make_room(con, session)
            before = one(con, _IN_TABLES)
            try:
                with registered(con, {"arrow": columns}):
                    con.execute(f"create table {name} as select {casts} from arrow")
            except duckdb.Error as error:
                raise RefusedError(
                    f"the answer cannot be sent: {' '.join(str(error).split())[:300]}"
                ) from error
            self._answers[session] = (name, max(one(con, _IN_TABLES) - before, answer.rows.nbytes))
        shown = ", ".join(f"c{n} as {_named(each)}" for n, each in enumerate(answer.names, 1))
        return f"select {shown} from {name}"

    def _make_room(self, con: duckdb.DuckDBPyConnection, session: str) -> None:
        """Drop this session's last answer, and the oldest of others; who is fetching one gets all of it.

        What counts is the memory that they take: a thousand sessions that end after one small answer each
        take more than a large one does.
        """
        room = KEPT_ANSWERS * self._desk.limits.megabytes * 1_000_000
        gone = [self._answers.pop(session)] if session in self._answers else []
        while self._answers and sum(kept for _, kept in self._answers.values()) > room:
            gone.append(self._answers.popitem(last=False)[1])
        for name, _ in gone:
            con.execute(f"drop table {name}")


DEFAULT_PORT = 9494
"""Quack's own."""


def _claimed(wished: int | None, host: str) -> socket.socket:
    """The port of `host` to serve on, held: the one wished for, else Quack's own, else any.

    Raises InputError where the one wished for is taken.
    """
    for port in (DEFAULT_PORT, 0) if wished is None else (wished,):
        with suppress(OSError):
            return socket.create_server((host, port))
    raise InputError(f"port {wished} is taken: choose another with --sql-port, or 0 for no live SQL")


@contextmanager
def gateway(desk: Desk, tokens: Tokens, wished: int | None, host: str = LOOPBACK) -> Iterator[str]:
    """Serve on `host`, at port `wished` if any; where, as this machine's clients write it."""
    with _with_quack(desk.limits.megabytes) as con:
        served = Gateway(desk, tokens, con)
        _hook(con, "authentication", served.let_in, 3, BOOLEAN)
        _hook(con, "authorization", served.instead, 2, VARCHAR)
        con.execute("set lock_configuration = true")
        port = _serve(con, wished, host)
        try:
            yield f"quack:{from_here(host)}:{port}"
        finally:
            served.end()
            con.execute(f"call quack_stop('quack:{host}:{port}')")
            _await_end(con)


def _serve(con: duckdb.DuckDBPyConnection, wished: int | None, host: str) -> int:
    """Let Quack serve on `host`; its port.

    Quack would share a port with another Quack that starts at the same moment, and readers get now the one
    and now the other. So the port is held, by a socket that shares with nobody, until Quack has it too.
    """
    with _claimed(wished, host) as held:
        port: int = held.getsockname()[1]
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        con.execute(
            f"call quack_serve('quack:{host}:{port}', token := '{secrets.token_hex(32)}', "
            f"allow_other_hostname := {is_for_others(host)})"
        )
    return port


def _await_end(con: duckdb.DuckDBPyConnection) -> None:
    """Return when Quack has let go of all its connections: it does so in a thread of its own, a moment later.

    The last one to let go takes the database down, and the functions in it are Python's: that must be us.
    """
    deadline = time.monotonic() + PATIENCE_S
    while one(con, "select count from duckdb_connection_count()") > 1 and time.monotonic() < deadline:
        time.sleep(LOOK_AGAIN_S)


def _with_quack(megabytes: int) -> duckdb.DuckDBPyConnection:
    """An empty database with Quack in it, and with what it needs to make up the numbers of its sessions."""
    config: dict[str, Any] = {
        "memory_limit": f"{LEAST_MEMORY_MB + 4 * KEPT_ANSWERS * megabytes}MB",
        "python_enable_replacements": "false",
        "temp_directory": "",
        "threads": "1",
    }
    con = duckdb.connect(":memory:", config=config)
    load_quack(con)
    con.execute("set global TimeZone = 'UTC'")
    con.execute("set enable_external_access = false")
    return con


def _hook(
    con: duckdb.DuckDBPyConnection, name: str, answer: Callable[..., Any], arguments: int, returns: Any
) -> None:
    """Let Quack ask `answer`."""
    con.create_function(
        f"firsthand_{name}",
        answer,
        [VARCHAR] * arguments,
        returns,
        null_handling=FunctionNullHandling.SPECIAL,
        side_effects=True,
    )
    con.execute(f"set global quack_{name}_function = 'firsthand_{name}'")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _named(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
