"""How the other commands find the worker that holds a database: a small file beside it."""

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

from duckdb import DuckDBPyConnection

from pipeline.database import open_reader
from pipeline.errors import DatabaseError, DatabaseHeldError, FirsthandError

T = TypeVar("T")

ANSWER_TIMEOUT_S = 600
PATIENCE_S = 5.0
LOOK_AGAIN_S = 0.1
REFUSED = 400

_without_proxies = build_opener(ProxyHandler({})).open
"""The loopback is nobody else's business, whatever the environment says of proxies."""


def beside(database: Path) -> Path:
    """Where a worker says that it holds `database`."""
    return database.with_name(database.name + ".worker")


@contextmanager
def announced(database: Path, url: str, token: str, sql: str | None = None) -> Iterator[None]:
    """Say beside the database where its worker answers, to whoever may read the file (its owner).

    `sql` is where it speaks Quack, if it does.
    """
    path = beside(database)
    new = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": url, "token": token, "pid": os.getpid(), "sql": sql}, file)
        new.replace(path)
        yield
    finally:
        for each in (new, path):
            each.unlink(missing_ok=True)


def new_token() -> str:
    """A secret that only who can read the file beside the database knows."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True)
class Holder:
    """The worker that holds a database.

    What is asked of it raises DatabaseError if it does not answer, FirsthandError with its words where it
    refuses.
    """

    database: Path
    url: str
    token: str
    sql: str | None = None
    """Where it speaks Quack, if it does."""

    def ask(self, command: str, **parameters: str) -> Any:
        """Let it run report, audit or check; what it answers, from JSON."""
        return json.loads(self._answer(f"{command}?{urlencode(parameters)}"))

    def tell(self, command: str, **parameters: str | None) -> Any:
        """Let it do what changes something: silence, silence/end; what it answers, from JSON."""
        return json.loads(self._answer(command, json.dumps(parameters).encode()))

    def query(self, text: str) -> bytes:
        """Let it answer a query in SQL; what it answers, as `Answer.to_bytes` wrote it."""
        return self._answer("query", text.encode())

    def copy_to(self, path: Path) -> None:
        """Let it copy the database to `path`, where there is nothing yet."""
        self._answer("snapshot", os.fsencode(path.absolute()))

    def _answer(self, path: str, body: bytes | None = None) -> bytes:
        request = Request(  # noqa: S310 - the loopback
            f"{self.url}api/{path}", data=body, headers={"Authorization": f"Bearer {self.token}"}
        )
        try:
            with _without_proxies(request, timeout=ANSWER_TIMEOUT_S) as answer:
                found: bytes = answer.read()
                return found
        except HTTPError as error:
            said = error.read().decode(errors="replace").strip() if error.code == REFUSED else error.reason
            raise FirsthandError(f"the worker that holds {self.database} cannot tell: {said}") from error
        except (OSError, ValueError, HTTPException) as error:
            raise DatabaseError(f"the worker that held {self.database} is gone; try again") from error


@contextmanager
def reader(
    database: Path,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[DuckDBPyConnection | Holder]:
    """A connection to read by or, where a worker holds the database, that worker, to be asked.

    Raises DatabaseError as `open_reader` does, and where it stays held and no worker answers for it.
    """
    with opened(database, lambda: open_reader(database), monotonic, sleep) as found:
        yield found


@contextmanager
def opened(
    database: Path,
    how: Callable[[], AbstractContextManager[T]],
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[T | Holder]:
    """The database, opened as `how` does it, or the worker that holds it.

    A worker that is about to start or to end holds the database and answers nobody: that is waited for.
    """
    deadline = monotonic() + PATIENCE_S
    with ExitStack() as stack:
        while True:
            try:
                found: T | Holder | None = stack.enter_context(how())
            except DatabaseHeldError as error:
                found = holder(database)
                if found is None and monotonic() > deadline:
                    raise DatabaseError(
                        f"{database} is held by another process, and no worker of firsthand's answers "
                        "for it; stop that process, or name another file with --db"
                    ) from error
            if found is not None:
                break
            sleep(LOOK_AGAIN_S)
        yield found


def holder(database: Path) -> Holder | None:
    """The worker that says it holds the database, if somebody listens where it said."""
    try:
        said = json.loads(beside(database).read_text(encoding="utf-8"))
        found = Holder(database, said["url"], said["token"], said["sql"])
        at = urlsplit(found.url)
        socket.create_connection((at.hostname, at.port), timeout=1).close()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found
