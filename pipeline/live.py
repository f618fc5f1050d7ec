"""What a running worker shows: a live table in a terminal, a log line every few seconds elsewhere."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TYPE_CHECKING

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from pipeline.alerting.glance import Firing, Glance, first_few, how_many
from pipeline.metrics import METRICS
from pipeline.report import Reading
from pipeline.spans import SPANS

if TYPE_CHECKING:  # `firsthand report` draws tables too, and need not wait for Faust
    from pipeline.store import Store
    from pipeline.worker import WorkerState

SHOW_EVERY_S = 1.0
LOG_EVERY_S = 5.0
SHOWN_SPAN = "24h"
WANTED = ("24h", "7d", "1h", "28d", "15m")
"""Spans by how much a narrow terminal should rather show them."""
WIDE = 1_000
"""Characters in a line where no terminal sets a limit."""


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
    bounds = [each for each in (reading.low, reading.high) if each is not None]
    interval = f" [{', '.join(map(_figure, bounds))}]" if bounds else ""
    return f"{_figure(reading.value)}{interval} n={reading.denominator:,}"


def _figure(value: float) -> str:
    """Three decimals of a share, fewer of what is longer.

    >>> _figure(0.75), _figure(67.518), _figure(-2496.3)
    ('0.750', '67.5', '-2496')
    """
    decimals = next((d for d, least in ((0, 1000), (1, 10)) if abs(value) >= least), 3)
    return f"{value:.{decimals}f}"


def overview(readings: Sequence[Reading], title: str, width: int) -> Table:
    """The overall readings: metrics down, spans across, as many as `width` columns of characters hold."""
    cells = {(each.metric, each.span): shown(each) for each in readings}
    metrics = [each.name for each in METRICS if any(metric == each.name for metric, _ in cells)]
    table = Table(
        title=Text(title), title_justify="left", header_style="bold", box=SIMPLE_HEAD, padding=(0, 1)
    )
    table.add_column("metric", no_wrap=True)
    spans = _fitting(cells, width - max(map(len, metrics), default=0) - 4)
    for span in spans:
        table.add_column(span, justify="right", no_wrap=True)
    for metric in metrics:
        table.add_row(metric, *(cells.get((metric, span), "-") for span in spans))
    return table


def _fitting(cells: Mapping[tuple[str, str], str], width: int) -> list[str]:
    """The spans to show, in order: the first of WANTED always, the others while there is room."""
    chosen: list[str] = []
    for span in WANTED:
        width -= max((len(cell) for (_, of), cell in cells.items() if of == span), default=0) + 3
        if width >= 0 or not chosen:
            chosen.append(span)
    return [span for span in SPANS if span in chosen]


def listing(readings: Sequence[Reading], title: str) -> Table:
    """Readings one by one: metric, member, value, interval, and the counts."""
    table = Table(title=Text(title), title_justify="left", header_style="bold")
    for name in ("metric", "member"):
        table.add_column(name)
    for name in ("value", "low", "high", "numerator", "denominator"):
        table.add_column(name, justify="right")
    for each in readings:
        bounds = ("" if bound is None else f"{bound:.4f}" for bound in (each.low, each.high))
        table.add_row(
            each.metric,
            Text(printable(each.member)),
            f"{each.value:.4f}",
            *bounds,
            f"{each.numerator.normalize():f}",
            f"{each.denominator}",
        )
    return table


def printable(text: str) -> str:
    r"""Text from outside as a terminal may be given it: control characters are written out.

    >>> print(printable("Zoë \x1b[2J"))
    Zoë \x1b[2J
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def tell(console: Console, text: str) -> None:
    """One line, as it is: nothing in it is markup, and no width breaks it."""
    console.print(text, soft_wrap=True, highlight=False, markup=False)


def printer() -> Console:
    """Where tables go: stdout, as wide as the terminal, or as they are where there is none."""
    out = Console()
    return out if out.is_terminal else Console(width=WIDE)


class Watcher:
    """Looks at a store and a worker's state now and then, in a thread of its own."""

    def __init__(
        self,
        store: "Store",
        state: Callable[[], "WorkerState"],
        console: Console,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._state = state
        self._console = console
        self._monotonic = monotonic
        self._seen = (monotonic(), 0)
        self._glance = Glance(clock)
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

    def readings(self) -> list[Reading]:
        """The overall readings of all spans."""
        with self._store.reading() as con:
            rows = con.execute(
                "select metric, span, dimension, member, as_of, numerator, denominator, value, low, high "
                "from metrics where dimension = 'all'"
            ).fetchall()
        return [Reading(*row) for row in rows]

    def show(self) -> None:
        """Until ended: a table that is drawn again every second, or lines."""
        with suppress(duckdb.Error):  # a broken database is met by the worker too, which says so
            self._show_table() if self._console.is_terminal else self._show_lines()

    def _show_table(self) -> None:
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while not self._ended.wait(SHOW_EVERY_S):
                live.update(Group(Text(self.line()), *self.alert_lines(), self.table()), refresh=True)

    def _show_lines(self) -> None:
        while not self._ended.wait(LOG_EVERY_S):
            tell(self._console, self._log_line())

    def alert_lines(self) -> list[Text]:
        """The alerts that fire: the first few, each cut to the terminal's width."""
        return [
            Text(printable(each), style="bold", no_wrap=True, overflow="ellipsis")
            for each in first_few(self._firing())
        ]

    def _firing(self) -> list[Firing]:
        with self._store.reading() as con:
            return self._glance.firing(con)

    def end(self) -> None:
        """Let `show` return."""
        self._ended.set()

    def table(self, console: Console | None = None) -> Table:
        """The overall readings, for this console or another."""
        readings = self.readings()
        as_of = f"{readings[0].as_of:%Y-%m-%d %H:%M:%S} UTC" if readings else "no reading yet"
        return overview(readings, f"as of {as_of}", (console or self._console).width)

    def _log_line(self) -> str:
        named = {
            each.metric: f"{each.metric} {shown(each)}" for each in self.readings() if each.span == SHOWN_SPAN
        }
        told = ", ".join(named[name] for name in ("csat", "effort", "fcr") if name in named)
        alerts = how_many(self._firing())
        return self.line() + (f"; {SHOWN_SPAN}: {told}" if told else "") + (f"; {alerts}" if alerts else "")


@contextmanager
def watching(
    store: "Store", state: Callable[[], "WorkerState"], console: Console, clock: Callable[[], datetime]
) -> Iterator[Watcher]:
    """Show what the worker does while the block runs, and where it ended if it ended well."""
    watcher = Watcher(store, state, console, clock)
    thread = threading.Thread(target=watcher.show, name="showing", daemon=True)
    thread.start()
    try:
        yield watcher
    finally:
        watcher.end()
        thread.join()
    tell(console, watcher.line())
