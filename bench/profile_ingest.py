"""Where the time of storing goes, by statement and step: python -m bench.profile_ingest EVENTS.jsonl.

A file is replayed into a database that is thrown away. Statements bear their first line of SQL, steps
in Python their function; each is charged what it took itself, without what it called. CPU seconds are
those of all threads: nothing else runs in this process.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from duckdb import DuckDBPyConnection
from rich.console import Console
from rich.table import Table

from bench.table import WIDTH_WITHOUT_TERMINAL
from pipeline import arrivals, cells, decode, names, post, reading, store
from pipeline.batch import RecordBatch
from pipeline.commands.options import clock
from pipeline.database import open_writer
from pipeline.errors import FirsthandError
from pipeline.replay import read_lines
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store

LABEL = 76
FETCHES = ("fetchone", "fetchall", "fetchmany")
STEPS: tuple[tuple[Any, str], ...] = (
    (store.Store, "ingest"),
    (reading, "after"),
    (reading, "Arrivals"),
    (reading, "decode"),
    (decode, "plain_events"),
    (decode, "judge"),
    (store, "accept"),
    (arrivals.Arrivals, "located"),
    (arrivals.Arrivals, "tallies"),
    (post, "_with_facts"),
    (names.Vocabulary, "_numbers"),
    (names.Names, "of"),
    (store, "post"),
    (cells, "fold_when_due"),
)
"""Functions of the pipeline, where they are looked up, that are charged as steps of their own.

One that is gone is told and passed over: its time is then that of its caller.
"""


@dataclass
class Charge:
    """What a statement or step took itself, over all its calls."""

    calls: int = 0
    cpu_s: float = 0.0
    wall_s: float = 0.0


class Ledger:
    """Charges CPU and wall time to whatever is innermost at the moment."""

    def __init__(self) -> None:
        self.charges: dict[str, Charge] = defaultdict(Charge)
        self._open: list[str] = []
        self._since = (time.process_time(), time.perf_counter())

    @contextmanager
    def step(self, label: str, calls: int = 1) -> Iterator[None]:
        """Charge the block to `label`, but for the steps within it."""
        self._settle()
        self._open.append(label)
        self.charges[label].calls += calls
        try:
            yield
        finally:
            self._settle()
            self._open.pop()

    def wrapped(self, label: str, work: Callable[..., Any], calls: int = 1) -> Callable[..., Any]:
        """`work`, charged to `label`; each time counts as so many `calls`."""

        def charged(*values: Any, **options: Any) -> Any:
            with self.step(label, calls):
                return work(*values, **options)

        return charged

    def _settle(self) -> None:
        now = time.process_time(), time.perf_counter()
        if self._open:
            charge = self.charges[self._open[-1]]
            charge.cpu_s += now[0] - self._since[0]
            charge.wall_s += now[1] - self._since[1]
        self._since = now


class TimedConnection:
    """A DuckDB connection whose every call is charged; fetching counts for the statement fetched from."""

    def __init__(self, con: DuckDBPyConnection, ledger: Ledger) -> None:
        self._con, self._ledger = con, ledger
        self._latest = ""

    def execute(self, query: str, *parameters: Any) -> "TimedConnection":
        """Run a statement, charged to its first line."""
        self._latest = query.lstrip().partition("\n")[0][:LABEL]
        with self._ledger.step(self._latest):
            self._con.execute(query, *parameters)
        return self

    def __getattr__(self, name: str) -> Any:
        return self._ledger.wrapped(
            self._latest if name in FETCHES else f"{name}()", getattr(self._con, name)
        )


def profile(events: Path) -> dict[str, Any]:
    """Replay `events`; records, and seconds of CPU and wall per million of them by statement and step."""
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="firsthand-bench-") as scratch, _charged_steps(ledger):
        con = open_writer(Path(scratch) / "profiled.duckdb", Definitions(), create_schema)
        timed = Store(cast("DuckDBPyConnection", TimedConnection(con, ledger)))
        ledger.charges.clear()  # what opening took
        records = sum(timed.ingest([batch], clock()).consumed for batch in _read(events, ledger))
        with ledger.step("close(), with the last checkpoint"):
            timed.checkpoint()
            timed.close()
    return {
        "records": records,
        "steps": {
            label: {
                "calls": each.calls,
                "cpu_s": each.cpu_s / records * 1e6,
                "wall_s": each.wall_s / records * 1e6,
            }
            for label, each in sorted(ledger.charges.items(), key=lambda item: -item[1].cpu_s)
        },
    }


def _read(events: Path, ledger: Ledger) -> Iterator[RecordBatch]:
    batches = read_lines(events)
    following = ledger.wrapped("python: read_lines", lambda: next(batches, None))
    while (batch := following()) is not None:
        yield batch


@contextmanager
def _charged_steps(ledger: Ledger) -> Iterator[None]:
    """Charge STEPS while the block runs."""
    if gone := [name for place, name in STEPS if not hasattr(place, name)]:
        sys.stderr.write(f"not there any more, see STEPS in {__file__}: {', '.join(gone)}\n")
    plain = [(place, name, getattr(place, name)) for place, name in STEPS if name not in gone]
    for place, name, work in plain:
        setattr(place, name, ledger.wrapped(f"python: {name}", work))
    try:
        yield
    finally:
        for place, name, work in plain:
            setattr(place, name, work)


def _show(found: dict[str, Any]) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    total = sum(each["cpu_s"] for each in found["steps"].values())
    table = Table(title=f"seconds per million of {found['records']:,} records", title_justify="left")
    table.add_column("statement or step")
    for name in ("calls", "CPU", "share", "wall"):
        table.add_column(name, justify="right")
    for label, each in found["steps"].items():
        share = f"{each['cpu_s'] / total:.1%}"
        table.add_row(label, f"{each['calls']:,}", f"{each['cpu_s']:.3f}", share, f"{each['wall_s']:.3f}")
    table.add_section()
    wall = sum(each["wall_s"] for each in found["steps"].values())
    table.add_row("all", "", f"{total:.3f}", "", f"{wall:.3f}")
    console.print(table)


def main(arguments: list[str]) -> None:
    """Profile the ingest of a file; a table, or JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile_ingest", description=__doc__)
    parser.add_argument("events", type=Path, metavar="EVENTS.jsonl")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args(arguments)
    found = profile(options.events)
    if options.json:
        print(json.dumps(found, indent=2))
    else:
        _show(found)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except FirsthandError as error:
        sys.exit(f"bench: {error}")
