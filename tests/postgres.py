"""PostgreSQL for the tests: Debian's, or whichever is installed, on a free port of the loopback.

    with Postgres() as postgres:
        postgres.url, postgres.stop(), postgres.start()

It refuses to run as root, so root lends it another user. It keeps its data over `stop` and `start`, and
nothing of it is left after the `with` block.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
import pytest

from pipeline.embedded_broker import LOOPBACK, _die_with_parent, _free_port
from tests.command import children

SUPERUSER = "postgres"
PASSWORD = "never: to/be@seen?"  # noqa: S105 - a test's own, as awkward as they come
QUOTED = "never%3A%20to%2Fbe%40seen%3F"
START_DEADLINE_S = 60
STOP_DEADLINE_S = 20
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "lc_messages": "C",
}


class NotHereError(Exception):
    """PostgreSQL is not installed on this machine."""


def program(name: str) -> str:
    """Where a program of PostgreSQL's is: on the path, or where Debian puts the newest."""
    kept = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: float(path.parts[-3]))
    found = shutil.which(name) or (str(kept[-1]) if kept else None)
    if found is None:
        raise NotHereError(f"there is no {name}: install PostgreSQL")
    return found


class Postgres:
    """A server whose superuser is SUPERUSER with PASSWORD; raises NotHereError where there is none."""

    def __init__(self) -> None:
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._frozen: list[int] = []
        self._server = program("postgres")
        initdb = program("initdb")
        self._folder = Path(tempfile.mkdtemp(prefix="firsthand-postgres-"))
        self._user = _lent_user()
        self._data, self._log = self._folder / "data", self._folder / "log"
        (self._folder / "password").write_text(PASSWORD)
        for path in (self._folder, self._folder / "password"):
            os.chown(path, self._user.get("user", -1), self._user.get("group", -1))
        asked = ["--auth=scram-sha-256", f"--pwfile={self._folder / 'password'}", f"--username={SUPERUSER}"]
        locale = ["--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        made = subprocess.run(
            [initdb, *asked, *locale, str(self._data)],
            cwd=self._folder, capture_output=True, text=True, check=False, **self._user,
        )  # fmt: skip
        assert made.returncode == 0, made.stdout + made.stderr

    @property
    def url(self) -> str:
        """Where its superuser finds it, without the password."""
        return self.url_of(SUPERUSER)

    def url_of(self, user: str, database: str = "postgres", password: str = "") -> str:
        """Where a user finds a database; `password` percent-encoded."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@{LOOPBACK}:{self.port}/{database}"

    def connect(
        self, user: str = SUPERUSER, database: str = "postgres", **options: Any
    ) -> psycopg.Connection[Any]:
        """A connection that commits each statement; every user's password is PASSWORD."""
        return psycopg.connect(self.url_of(user, database), password=PASSWORD, autocommit=True, **options)

    def run(self, statements: str, **where: Any) -> None:
        """Run SQL as the superuser."""
        with self.connect(**where) as con:
            con.execute(statements)

    def start(self) -> None:
        """Start it, and return when it serves."""
        settings = [word for name, text in SETTINGS.items() for word in ("-c", f"{name}={text}")]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [self._server, "-D", str(self._data), "-p", str(self.port), *settings],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one call prepared before the fork
                **self._user,
            )
        self._wait()

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT sends its clients away, SIGQUIT is as a crash."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(STOP_DEADLINE_S)

    def freeze(self) -> None:
        """Let it and all that serves its clients stand still, so that nothing answers and nothing breaks."""
        self._frozen = [self.process.pid, *children(self.process.pid)]
        for pid in self._frozen:
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        for pid in self._frozen:
            with suppress(ProcessLookupError):  # a process of the server that has ended meanwhile
                os.kill(pid, signal.SIGCONT)
        self._frozen = []

    def _wait(self) -> None:
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            assert self.process is not None
            assert self.process.poll() is None, self._log.read_text()[-2000:]
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, self._log.read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.thaw()
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def had() -> Iterator[Postgres]:
    """PostgreSQL where it is installed; elsewhere the test is skipped, and fails in CI."""
    try:
        postgres = Postgres()
    except NotHereError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    with postgres:
        yield postgres


def _lent_user() -> dict[str, Any]:
    """For root: the user and group of a process that must not be root's."""
    if os.geteuid() != 0:
        return {}
    known = {each.pw_name: each for each in pwd.getpwall()}
    lent = known.get("postgres") or known["nobody"]
    return {"user": lent.pw_uid, "group": lent.pw_gid, "extra_groups": []}
