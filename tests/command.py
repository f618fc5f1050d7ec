"""The command as its users run it: a process of its own, on a pipe or on a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from pipeline.held import holder

PATIENCE_S = 60
FIRSTHAND = str(Path(sys.executable).with_name("firsthand"))
_ESCAPE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


def firsthand(*words: object, cwd: Path, **options) -> subprocess.CompletedProcess:
    """Run it to its end."""
    return subprocess.run(
        [FIRSTHAND, *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        **({"timeout": PATIENCE_S} | options),
    )


def done(*words: object, cwd: Path, **options) -> str:
    """What it prints on stdout when it succeeds."""
    ended = firsthand(*words, cwd=cwd, **options)
    assert (ended.returncode, ended.stderr) == (0, ""), words
    return ended.stdout


def one_line(ended: subprocess.CompletedProcess, code: int = 1) -> str:
    """The line that a failed command leaves on stderr, and nothing but that line."""
    assert ended.returncode == code, ended.stderr
    assert ended.stderr.startswith("firsthand: "), ended.stderr
    assert ended.stderr.count("\n") == 1, ended.stderr
    return ended.stderr.removeprefix("firsthand: ").rstrip("\n")


def _hear_interrupts() -> None:
    """As from a terminal, even where these tests run in a script's background, which ignores Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(
    *words: object, cwd: Path, program: Sequence[str] = (FIRSTHAND,), **options
) -> Iterator[subprocess.Popen]:
    """Let it run while the block does; killed at the end if it still runs."""
    process = subprocess.Popen(
        [*program, *map(str, words)],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 - no thread of the tests holds a lock that it needs
        **options,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen, number: int | None = None) -> subprocess.CompletedProcess:
    """Send it a signal, and wait for its end."""
    if number is not None:
        process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def until(
    condition: Callable[[], object], why: str = "it never came true", patience_s: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, why
        time.sleep(0.02)


def stored(database: Path) -> int:
    """How many records the worker that holds a database has consumed; 0 where none answers yet."""
    found = holder(database)
    return found.ask("audit")["consumed"] if found else 0


def children(pid: int) -> set[int]:
    """The processes that a process started, and those that they started. Linux only."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        if state != "Z":
            parents[int(path.parent.name)] = int(parent)
    found, new = set(), {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new}
        found |= new
    return found


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Terminal:
    """A command whose stdin, stdout and stderr are a terminal; what it shows, without the escapes."""

    def __init__(
        self,
        *words: object,
        cwd: Path,
        columns: int = 120,
        env: dict[str, str] | None = None,
        program: Sequence[str] = (FIRSTHAND,),
    ) -> None:
        self._master, slave = pty.openpty()
        size = {"COLUMNS": str(columns), "LINES": "40", "TERM": "xterm"}
        self.process = subprocess.Popen(
            [*program, *map(str, words)],
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=os.environ | size | (env or {}),
        )
        os.close(slave)
        self._shown = b""

    def text(self) -> str:
        """All that was shown so far."""
        while select.select([self._master], [], [], 0)[0]:
            try:
                block = os.read(self._master, 65_536)
            except OSError:  # the other side has closed it
                break
            if not block:
                break
            self._shown += block
        return _ESCAPE.sub(b"", self._shown).decode(errors="replace")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def shows(self, *words: str) -> None:
        until(lambda: all(word in self.text() for word in words), f"{words} not in {self.text()[-3000:]}")

    def ends(self, number: int | None = None) -> int:
        """Send it a signal, as the terminal does: to all that it started, too; wait for its end."""
        if number is not None:
            os.killpg(self.process.pid, number)
        until(lambda: (self.text(), self.process.poll())[1] is not None, "it did not end")
        return self.process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self._master)
