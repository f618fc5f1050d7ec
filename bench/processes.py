"""A child process under measurement: its CPU seconds, its peak memory, how long it lived."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.errors import BenchError

ROOT = Path(__file__).parent.parent
FIRSTHAND = (sys.executable, "-c", "from pipeline.start import main; main()")
LOOK_EVERY_S = 0.01
STOP_DEADLINE_S = 60.0
TOLD_OF_FAILURE = 600
MIB = 1024**2


@dataclass(frozen=True)
class Cost:
    """What a process took, from its start to its end: CPU is user and system time of all its threads."""

    cpu_s: float
    peak_mib: float
    wall_s: float


class Child:
    """A process of ours; `with` stops it however the block ends.

    Its stdout and stderr go to files in `place`. FIRSTHAND_* variables of the caller are not handed
    down: the defaults are measured, with what `settings` changes.
    """

    def __init__(self, argv: Sequence[str], place: Path, settings: Mapping[str, str] | None = None) -> None:
        self._argv = list(argv)
        self._out, self._err = place / "stdout.txt", place / "stderr.txt"
        self._peak_kib = 0
        self._cost: Cost | None = None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTHAND_")}
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self.began = time.monotonic()
            self._process = subprocess.Popen(
                self._argv,
                cwd=ROOT,
                env=inherited | dict(settings or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def stdout(self) -> str:
        """What it printed so far."""
        return self._out.read_text(encoding="utf-8", errors="replace")

    def has_ended(self) -> bool:
        """Look whether it has ended, and note its memory while it has not."""
        if self._cost is not None:
            return True
        self._note_peak()
        pid, status, usage = os.wait4(self._process.pid, os.WNOHANG)
        if pid == 0:
            return False
        self._process.returncode = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 1024
        # The kernel's own peak counts what the parent had before the child's program was loaded.
        peak = self._peak_kib * 1024 or usage.ru_maxrss * unit
        cpu_s = usage.ru_utime + usage.ru_stime
        self._cost = Cost(cpu_s, peak / MIB, time.monotonic() - self.began)
        return True

    def require_alive(self) -> None:
        """Raise BenchError if it has ended although nobody asked it to."""
        if self.has_ended():
            raise BenchError(self._failure("ended by itself"))

    def cost(self) -> Cost:
        """Wait for its end; BenchError where it failed."""
        while not self.has_ended():
            time.sleep(LOOK_EVERY_S)
        if self._process.returncode:
            raise BenchError(self._failure("failed"))
        assert self._cost is not None  # noqa: S101 - has_ended set it
        return self._cost

    def stop(self) -> None:
        """End it by SIGTERM, after a minute by force."""
        if self.has_ended():
            return
        self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_DEADLINE_S
        while not self.has_ended():
            if time.monotonic() > deadline:
                self._process.kill()
            time.sleep(LOOK_EVERY_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _note_peak(self) -> None:
        """Linux keeps a process's largest resident set, until it ends."""
        try:
            lines = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            if line.startswith("VmHWM:"):
                self._peak_kib = max(self._peak_kib, int(line.split()[1]))

    def _failure(self, what: str) -> str:
        said = " ".join(self._err.read_text(encoding="utf-8", errors="replace").split())
        ours = tuple(self._argv[: len(FIRSTHAND)]) == FIRSTHAND
        command = " ".join(["firsthand", *self._argv[len(FIRSTHAND) :]] if ours else self._argv[1:])
        return f"{command} {what} (exit code {self._process.returncode}): {said[-TOLD_OF_FAILURE:]}"


def run(argv: Sequence[str], place: Path, settings: Mapping[str, str] | None = None) -> tuple[Cost, str]:
    """Run a command to its end; what it took and what it printed. BenchError where it failed."""
    with Child(argv, place, settings) as child:
        return child.cost(), child.stdout


def firsthand(place: Path, *arguments: str) -> tuple[Cost, str]:
    """Run a `firsthand` command to its end."""
    return run([*FIRSTHAND, *arguments], place)


def module(place: Path, name: str, *arguments: str) -> tuple[Cost, str]:
    """Run a module of this folder in a process of its own."""
    return run([sys.executable, "-m", f"bench.{name}", *arguments], place)
