"""What a running worker shows: a live table in a terminal, a log line every few seconds elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.measure import SPANS
from pipeline.report import Reading
from pipeline.store import Store
from pipeline.worker import WorkerState

SHOW_EVERY_S = 1.0
LOG_EVERY_S = 5.0
SHOWN_SPAN = "24h"


def shown(reading: Reading) -> str:
    """A reading for people: value, interval and what it was counted from.

    >>> from datetime import UTC, datetime
    >>> from decimal import Decimal
    >>> at = datetime(2026, 11, 21, tzinfo=UTC)
    >>> shown(Reading("csat", "7d", "all", "all", at, Decimal(3), 4, 0.75, 0.3, 0.95))
    '0.750 [0.300, 0.950] n=4'
    >>> shown(Reading("contacts", "7d", "all", "all", at, Decimal(3), 1, 3.0, None, None))
    '3'
    """
    if reading.metric == "contacts":
        return f"{int(reading.numerator):,}"
    interval = "" if reading.low is None else f" [{reading.low:.3f}, {reading.high:.3f}]"
    return f"{reading.value:.3f}{interval} n={reading.denominator:,}"


def overview(readings: Sequence[Reading], title: str) -> Table:
    """The overall readings: metrics down, spans across."""
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("metric")
    spans = list(dict.fromkeys(each.span for each in readings))
    for span in spans:
        table.add_column(span, justify="right")
    cells = {(each.metric, each.span): shown(each) for each in readings}
    for metric in dict.fromkeys(each.metric for each in readings):
        table.add_row(metric, *(cells.get((metric, span), "-") for span in spans))
    return table


def listing(readings: Sequence[Reading], title: str) -> Table:
    """Readings one by one: metric, member, value, interval, and the counts."""
    table = Table(title=title, title_justify="left", header_style="bold")
    for name in ("metric", "member"):
        table.add_column(name)
    for name in ("value", "low", "high", "numerator", "denominator"):
        table.add_column(name, justify="right")
    for each in readings:
        bounds = ("" if bound is None else f"{bound:.4f}" for bound in (each.low, each.high))
        table.add_row(
            each.metric,
            each.member,
            f"{each.value:.4f}",
            *bounds,
            f"{each.numerator.normalize():f}",
            f"{each.denominator}",
        )
    return table


class Watcher:
    """Looks at a store and a worker's state now and then, in a thread of its own."""

    def __init__(
        self,
        store: Store,
        state: Callable[[], WorkerState],
        console: Console,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._state = state
        self._console = console
        self._monotonic = monotonic
        self._seen = (monotonic(), 0)
        self._ended = threading.Event()

    def line(self) -> str:
        """How the worker is doing, in one line."""
        state, now = self._state(), self._monotonic()
        then, before = self._seen
        rate = (state.tally.consumed - before) / max(now - then, 1e-9)
        self._seen = (now, state.tally.consumed)
        tally = state.tally
        return (
            f"{state.phase}: {rate:,.0f} events/s, lag {sum(state.lag.values()):,}, "
            f"consumed {tally.consumed:,} = accepted {tally.accepted:,} + duplicates {tally.duplicates:,} "
            f"+ rejected {tally.rejected:,} + tombstones {tally.tombstones:,}"
        )

    def readings(self, columns: str = "metric, span, dimension, member, as_of") -> list[Reading]:
        """The overall readings of all spans, in their order."""
        with self._store.reading() as con:
            rows = con.execute(
                f"select {columns}, numerator, denominator, value, low, high from metrics "
                "where dimension = 'all' order by list_position($spans, span), metric",
                {"spans": list(SPANS)},
            ).fetchall()
        return [Reading(*row) for row in rows]

    def show(self) -> None:
        """Until ended: a table that is drawn again every second, or lines."""
        if self._console.is_terminal:
            with Live(console=self._console, auto_refresh=False, transient=True) as live:
                while not self._ended.wait(SHOW_EVERY_S):
                    live.update(Group(Text(self.line()), self._table()), refresh=True)
        else:
            while not self._ended.wait(LOG_EVERY_S):
                self._console.print(self._log_line(), soft_wrap=True, highlight=False)

    def end(self) -> None:
        """Let `show` return."""
        self._ended.set()

    def _table(self) -> Table:
        readings = self.readings()
        as_of = f"{readings[0].as_of:%Y-%m-%d %H:%M:%S} UTC" if readings else "no reading yet"
        return overview(readings, f"as of {as_of}")

    def _log_line(self) -> str:
        named = {
            each.metric: f"{each.metric} {shown(each)}" for each in self.readings() if each.span == SHOWN_SPAN
        }
        told = ", ".join(named[name] for name in ("csat", "effort", "fcr") if name in named)
        return self.line() + (f"; {SHOWN_SPAN}: {told}" if told else "")


@contextmanager
def watching(store: Store, state: Callable[[], WorkerState], console: Console) -> Iterator[None]:
    """Show what the worker does while the block runs."""
    watcher = Watcher(store, state, console)
    thread = threading.Thread(target=watcher.show, name="showing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        watcher.end()
        thread.join()
        console.print(watcher.line(), soft_wrap=True, highlight=False)
