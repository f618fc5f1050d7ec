"""How the other commands find the worker that holds a database: a small file beside it."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from pipeline.errors import DatabaseError, FirsthandError

ANSWER_TIMEOUT_S = 600


def beside(database: Path) -> Path:
    """Where a worker says that it holds `database`."""
    return database.with_name(database.name + ".worker")


@contextmanager
def announced(database: Path, url: str, token: str) -> Iterator[None]:
    """Say beside the database where its worker answers, to whoever may read the file (its owner)."""
    path = beside(database)
    new = path.with_name(path.name + ".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"url": url, "token": token, "pid": os.getpid()}, file)
    new.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def new_token() -> str:
    """A secret that only who can read the file beside the database knows."""
    return secrets.token_urlsafe(32)


def ask_worker(database: Path, command: str, **parameters: str) -> Any:
    """Let the worker that holds `database` run report, audit or check; what it answers, from JSON.

    Raises DatabaseError if no worker of firsthand's answers for the file.
    """
    try:
        announced_at = json.loads(beside(database).read_text(encoding="utf-8"))
        url = f"{announced_at['url']}api/{command}?{urlencode(parameters)}"
        request = Request(url, headers={"Authorization": f"Bearer {announced_at['token']}"})  # noqa: S310 - loopback
        with urlopen(request, timeout=ANSWER_TIMEOUT_S) as answer:  # noqa: S310 - the address of our own file
            return json.load(answer)
    except HTTPError as error:
        raise FirsthandError(error.read().decode(errors="replace").strip()) from error
    except (OSError, ValueError, KeyError, URLError) as error:
        raise DatabaseError(
            f"{database} is held by another process, and no worker of firsthand's answers for it; "
            "stop that process, or name another file with --db"
        ) from error
