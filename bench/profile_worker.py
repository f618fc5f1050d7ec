"""Where a worker's CPU goes, by thread and step: python -m bench.profile_worker --kafka HOST:PORT --db PATH.

It is `firsthand worker` with the same options, in this process; once it is stopped it tells, on stderr. Each
step is charged what its thread took in it, without the steps within. The end of the interpreter (about 0.2 s)
comes after the table.
"""

import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.profile_ingest import Charge
from bench.table import WIDTH_WITHOUT_TERMINAL

STEPS = {
    "pipeline.reading": ("decode",),
    "pipeline.store": ("accept", "post", "reject"),
    "pipeline.store:Store": ("keep", "refresh", "unsent_rejections", "mark_sent"),
    "pipeline.cells": ("fold",),
    "pipeline.checkpoint:Checkpoints": ("make",),
    "pipeline.transport.unpacker": ("_extend",),
    "pipeline.transport.unpacker:PartitionRecords": ("_read",),
    "pipeline.worker:Worker": ("run",),
}
"""By module, or class in it, the functions that are charged as steps of their own."""


class ThreadLedger:
    """Charges each thread's CPU time to the innermost step that it is in, by thread and step."""

    def __init__(self) -> None:
        self.charges: dict[tuple[str, str], Charge] = defaultdict(Charge)
        self.records = 0
        self._here = threading.local()
        self._account("all else")  # this thread's, from its beginning: imports and all

    @contextmanager
    def step(self, label: str) -> Iterator[None]:
        """Charge the block to `label`, but for the steps within it."""
        stack: list[str] = getattr(self._here, "stack", [])
        self._here.stack = stack
        self._account(stack[-1] if stack else "all else")
        stack.append(label)
        try:
            yield
        finally:
            self._account(stack.pop(), calls=1)

    def wrapped(self, label: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, charged to `label`; records that it stored are counted."""

        def charged(*values: Any, **options: Any) -> Any:
            with self.step(label):
                found = work(*values, **options)
            if label == "keep":
                self.records += found.consumed
            return found

        return charged

    def settle(self, thread: str | None = None) -> None:
        """Charge what this thread took since its last step; one that ends has no name but `thread`."""
        self._account("all else", thread=thread)

    def _account(self, label: str, calls: int = 0, thread: str | None = None) -> None:
        now = time.thread_time()
        charge = self.charges[thread or threading.current_thread().name, label]
        charge.calls += calls
        charge.cpu_s += now - getattr(self._here, "since", 0.0)
        self._here.since = now


def main(arguments: list[str]) -> None:
    """Run a worker until it is stopped, then print what it took."""
    ledger = ThreadLedger()
    _charge_threads(ledger)
    for place, names in STEPS.items():
        module, _, owner = place.partition(":")
        found = __import__(module, fromlist=["_"])
        for name in names:
            holder = getattr(found, owner) if owner else found
            setattr(holder, name, ledger.wrapped(name, getattr(holder, name)))
    sys.argv = ["firsthand", "worker", *arguments]
    from pipeline.start import main as firsthand  # noqa: PLC0415 - what it imports is charged too

    try:
        firsthand()
    finally:
        ledger.settle()
        _show(ledger)


def _charge_threads(ledger: ThreadLedger) -> None:
    """Have each thread charge what remains of it when it ends; `run` itself is for subclasses to replace."""
    thread: Any = threading.Thread
    begin = thread._bootstrap_inner  # noqa: SLF001 - there is no public way

    def charged(each: threading.Thread) -> None:
        try:
            begin(each)
        finally:
            ledger.settle(each.name)

    thread._bootstrap_inner = charged  # noqa: SLF001 - likewise


def _show(ledger: ThreadLedger) -> None:
    used = resource.getrusage(resource.RUSAGE_SELF)
    total, records = used.ru_utime + used.ru_stime, max(ledger.records, 1)
    known = sum(each.cpu_s for each in ledger.charges.values())
    charges = sorted(ledger.charges.items(), key=lambda item: -item[1].cpu_s)
    rows = [(*place, f"{each.calls:,}", each.cpu_s) for place, each in charges]
    table = Table(title=f"CPU seconds per million of {ledger.records:,} records", title_justify="left")
    for name in ("thread", "step"):
        table.add_column(name)
    for name in ("calls", "CPU", "share"):
        table.add_column(name, justify="right")
    for *named, cpu_s in [*rows, ("the libraries' own", "", "", total - known), ("all", "", "", total)]:
        table.add_row(*named, f"{cpu_s / records * 1e6:.3f}", f"{cpu_s / total:.1%}")
    console = Console(stderr=True)
    width = None if console.is_terminal else WIDTH_WITHOUT_TERMINAL
    Console(stderr=True, width=width).print(table)


if __name__ == "__main__":
    main(sys.argv[1:])
