"""The demo: broker, worker, simulator and page in one command, with an incident to find.

The simulated days pass in a minute or two, so the worker is handed a clock that follows the events.
"""

import multiprocessing
import os
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.database import open_writer
from pipeline.embedded_broker import EmbeddedBroker
from pipeline.errors import DatabaseError
from pipeline.live import overview, watching
from pipeline.measure import SPANS
from pipeline.report import Reading, report
from pipeline.schema import create_schema
from pipeline.serve import serving, state_of
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.worker import Worker, WorkerSettings, WorkerState

DAYS = 14
EVENTS = 200_000
SEED = 7
PACE = 2_500
"""Events per second while somebody watches; with --events as fast as it goes."""
DEFAULT_DATABASE = Path("firsthand-demo.duckdb")
COMPARED = ("csat", "effort_easy", "wait_mean", "abandonment", "fcr_settled")


def run(
    settings: Settings,
    clock: Callable[[], datetime],
    console: Console,
    *,
    events: int | None,
    database: Path | None,
    port: int | None,
    may_open: bool,
) -> None:
    """Run the demo until all `events` are in, or, without a number, until it is stopped; then report."""
    path = database or DEFAULT_DATABASE
    if database is None:
        path.unlink(missing_ok=True)  # the demo's own, from the last time
    elif path.exists():
        raise DatabaseError(f"{path} is there already; name another file, or remove it")
    start = clock().astimezone(UTC) - timedelta(days=DAYS)
    with EmbeddedBroker() as broker:
        store = Store(open_writer(path, settings.definitions, create_schema, settings.memory_limit))
        try:
            state = _stream(settings, store, broker.bootstrap, start, console, path, events, port, may_open)
            out = Console()
            if not out.is_terminal:
                out = Console(width=200)
            _tell(store, start, out)
            asked = events or EVENTS
            out.print(
                f"{state.tally.consumed:,} of {asked:,} events in {path}; next: firsthand report --db {path}"
            )
        finally:
            store.close()


def _stream(
    settings: Settings,
    store: Store,
    bootstrap: str,
    start: datetime,
    console: Console,
    path: Path,
    events: int | None,
    port: int | None,
    may_open: bool,
) -> WorkerState:
    """Feed the worker and watch it; the state it ended in."""

    def service(worker: Worker) -> AbstractAsyncContextManager[Any]:
        return serving(store, path, port, lambda: state_of(worker.state), _welcome(console, may_open))

    def stop_when_all_is_in(state: WorkerState) -> None:
        if events is not None and state.tally.consumed >= events:
            worker.stop()

    worker = Worker(
        store,
        WorkerSettings(
            bootstrap,
            settings.topic,
            settings.dlq_topic,
            settings.group,
            settings.partitions,
            settings.max_records,
        ),
        lambda: store.latest_occurrence() or start,
        on_tick=stop_when_all_is_in,
        services=[service],
    )
    feeding = multiprocessing.get_context("spawn").Process(
        target=_feed,
        args=(bootstrap, settings.topic, settings.partitions, start, events or EVENTS),
        kwargs={"rate": None if events else PACE},
        daemon=True,
    )
    feeding.start()
    try:
        with watching(store, lambda: worker.state, console):
            worker.run()
    finally:
        feeding.terminate()
        feeding.join()
    return worker.state


def _feed(
    bootstrap: str, topic: str, partitions: int, start: datetime, events: int, rate: float | None
) -> None:
    """Simulate into the topic; a process of its own, so that it takes no time from the worker."""
    import signal  # noqa: PLC0415 - only this process needs them

    from pipeline.kafka import ensure_topics, produce  # noqa: PLC0415
    from pipeline.simulate import Incident, simulate  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the worker's business; it ends this one
    ensure_topics(bootstrap, {topic: partitions})
    simulated = simulate(events, SEED, start=start, days=DAYS, incident=Incident())
    produce(bootstrap, topic, ((each.key, each.value) for each in simulated), rate=rate)


def _welcome(console: Console, may_open: bool) -> Callable[[str], None]:
    """Say where the page is, and open it where there is a desktop to open it on."""

    def told(url: str) -> None:
        console.print(f"look at {url} (Ctrl-C ends the demo)", soft_wrap=True, highlight=False)
        desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if may_open and console.is_terminal and (desktop or sys.platform in ("darwin", "win32")):
            webbrowser.open(url)

    return told


def _tell(store: Store, start: datetime, out: Console) -> None:
    """The end report: all readings, and what changed from the first half to the second."""
    halfway = start + timedelta(days=DAYS / 2)
    with store.reading() as con:
        rows = con.execute(
            "select metric, span, dimension, member, as_of, numerator, denominator, value, low, high "
            "from metrics where dimension = 'all' order by list_position($spans, span), metric",
            {"spans": list(SPANS)},
        ).fetchall()
        changes = [
            change
            for by in ("channel", "reason")
            for change in _changes(report(con, halfway, "7d", by), report(con, None, "7d", by))
        ]
    if rows:
        out.print(overview([Reading(*row) for row in rows], f"as of {rows[0][4]:%Y-%m-%d %H:%M} UTC"))
    out.print("\nWhat changed in the second week beyond chance (95 % intervals apart), largest first:")
    for _, line in sorted(changes, reverse=True)[:10]:
        out.print(f"  {line}", soft_wrap=True, highlight=False)


def _changes(before: Sequence[Reading], after: Sequence[Reading]) -> list[tuple[float, str]]:
    """(size of the change in interval widths, a sentence) for every member whose intervals are apart."""
    then = {(each.metric, each.member): each for each in before}
    found = []
    for now in after:
        was = then.get((now.metric, now.member))
        if was is None or now.metric not in COMPARED:
            continue
        if None in (was.low, was.high, now.low, now.high):
            continue
        gap = max(now.low - was.high, was.low - now.high)  # type: ignore[operator]
        if gap > 0:
            width = (was.high - was.low + now.high - now.low) / 2  # type: ignore[operator]
            found.append((gap / max(width, 1e-9), _sentence(was, now)))
    return found


def _sentence(was: Reading, now: Reading) -> str:
    unit = " s" if now.metric == "wait_mean" else ""
    return (
        f"{now.dimension} {now.member}: {now.metric} "
        f"from {was.value:.3f}{unit} [{was.low:.3f}, {was.high:.3f}] "
        f"to {now.value:.3f}{unit} [{now.low:.3f}, {now.high:.3f}], n={now.denominator:,}"
    )
