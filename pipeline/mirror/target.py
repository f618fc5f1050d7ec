"""Where the mirror is kept: a URL becomes a connection, and no password of it is ever shown."""

import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from pipeline.errors import InputError, MirrorError

CONNECT_TIMEOUT_S = 5
_LINK = {
    "application_name": "firsthand",
    "connect_timeout": CONNECT_TIMEOUT_S,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "client_encoding": "UTF8",
}
"""What is asked of a connection, so that a server that is gone is noticed; the URL may ask otherwise."""

_REFUSALS = re.compile(r"FATAL|no password supplied|SSL|certificate|definition of service|service file")
_PASSING = re.compile(
    r"starting up|shutting down|recovery|not yet accepting|not accepting|too many|slots are reserved"
)
_URL = re.compile(r"postgres(?:ql)?://(?:[^@/?]*@)?[^@/?]*(?:[/?][^@]*)?")
"""An unquoted @, / or ? in a password would make the rest of it a host, a port or a database."""


class Target:
    """A PostgreSQL by its URL. What it leaves out is found as libpq finds it (PGPASSWORD, PGPASSFILE, ...).

    `name` is the URL without its password.

    >>> Target("postgresql://ann:secret@db.example:5433/cx?sslmode=require").name
    'postgresql://ann@db.example:5433/cx'
    """

    def __init__(self, url: str) -> None:
        """Refuse what is no URL, in words that repeat nothing of it: any part of it may be the password."""
        if not _URL.fullmatch(url):
            raise InputError(_NO_URL)
        try:
            self._parts = conninfo_to_dict(url)
        except psycopg.Error:
            raise InputError(_NO_URL) from None
        if not re.fullmatch("[0-9,]*", str(self._parts.get("port", ""))):
            raise InputError(_NO_URL)
        who = f"{self._parts['user']}@" if "user" in self._parts else ""
        port = f":{self._parts['port']}" if "port" in self._parts else ""
        self.name = f"postgresql://{who}{self._parts.get('host', '')}{port}/{self._parts.get('dbname', '')}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection that commits each statement outside a transaction.

        Raises MirrorError where it is refused for good, psycopg.OperationalError where it may yet come.
        """
        try:
            return psycopg.connect(
                autocommit=True,
                prepare_threshold=None,
                **{**_LINK, **self._parts},  # type: ignore[arg-type]
            )
        except psycopg.OperationalError as error:
            if _REFUSALS.search(str(error)) and not _PASSING.search(str(error)):
                raise MirrorError(
                    f"{self.name} lets us not in ({reason_of(error)}): look at the user, its password "
                    "(PGPASSWORD, PGPASSFILE) and the database"
                ) from error
            raise


def reason_of(error: Exception) -> str:
    """An engine's own words, in one line and without what libpq begins with."""
    said = " ".join(str(error).split())
    return said.rpartition("FATAL: ")[2].strip()[:300] or type(error).__name__


_NO_URL = (
    "the mirror's URL cannot be read: write postgresql://USER@HOST:PORT/DATABASE, with %XX for what is "
    "special in a password, or leave the password to PGPASSWORD or PGPASSFILE"
)
