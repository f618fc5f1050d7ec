"""The demo: broker, worker, simulator and page in one command, with an incident to find.

The simulated days pass in a minute or two, so the worker is handed a clock that follows the events.
"""

import multiprocessing
import os
import shlex
import signal
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console

from pipeline.alerting.delivery.delivering import couriers, delivering
from pipeline.alerting.rules_file import rules_of
from pipeline.alerting.watcher import RuleWatcher, Watching
from pipeline.database import failing_as, open_reader, open_writer
from pipeline.embedded_broker import EmbeddedBroker
from pipeline.errors import BrokerError, DatabaseError, FirsthandError
from pipeline.live import Watcher, printer, tell, watching
from pipeline.live_sql.service import live_sql
from pipeline.report import Reading, report
from pipeline.schema import create_schema
from pipeline.serve import listening, serving, state_of
from pipeline.settings import Settings
from pipeline.store import Store
from pipeline.worker import Service, Worker, WorkerState
from pipeline.worker_settings import WorkerSettings

DAYS = 14
EVENTS = 200_000
SEED = 7
PACE = 2_500
"""Events per second while somebody watches; with --events as fast as it goes."""
DEFAULT_DATABASE = Path("firsthand-demo.duckdb")
FAILED = 3
"""The simulator's exit code where it could not send."""
COMPARED = ("csat", "effort_easy", "wait_mean", "abandonment", "fcr_settled")


FIRED = """
select firing_at, rule, because from alerts where firing_at is not null and inhibited_by is null
order by firing_at limit 10
"""


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
    path = _place(database)
    listener = listening(port)
    start = clock().astimezone(UTC) - timedelta(days=DAYS)
    with (
        failing_as(path),
        EmbeddedBroker() as broker,
        Store(
            open_writer(path, settings.definitions, create_schema, settings.memory_limit, settings.threads)
        ) as store,
        live_sql(store, path, settings.limits, settings.sql_port) as (desk, sql),
    ):
        at = WorkerSettings(
            broker.bootstrap,
            settings.topic,
            settings.dlq_topic,
            settings.group,
            settings.partitions,
            settings.max_records,
        )

        def now() -> datetime:
            return store.latest_occurrence() or start

        def service(worker: Worker) -> AbstractAsyncContextManager[Any]:
            welcome = _welcome(console, may_open)
            return serving(
                store,
                path,
                listener,
                lambda: state_of(worker.state),
                welcome,
                clock=now,
                desk=desk,
                sql=sql,
            )

        state, watcher = _stream(store, at, start, clock, now, console, service, events)
        out = printer()
        _tell(store, start, watcher, out)
        count = f"{state.tally.consumed:,} of {events or EVENTS:,} events in {path}"
        tell(out, f"{count}; next: firsthand report --db {shlex.quote(str(path))}")


def _stream(
    store: Store,
    at: WorkerSettings,
    start: datetime,
    clock: Callable[[], datetime],
    now: Callable[[], datetime],
    console: Console,
    service: Service,
    events: int | None,
) -> tuple[WorkerState, Watcher]:
    """Feed the worker and watch it until `events` are in or it is stopped; where it ended."""
    with _feeding(at, start, events or EVENTS, None if events else PACE) as feeder:

        def stop_when_all_is_in(state: WorkerState) -> None:
            if (events and state.tally.consumed >= events) or feeder.exitcode:
                worker.stop()

        worker = Worker(store, at, now, on_tick=stop_when_all_is_in, services=[service])
        asked = rules_of(None)
        with (
            delivering(couriers(store, asked, clock=clock, say=lambda line: tell(console, line), environ={})),
            Watching(
                lambda: RuleWatcher(store, asked.rules, now),
                now,
                lambda line: tell(console, line),
                worker.stop,
            ),
            watching(store, lambda: worker.state, console, now) as watcher,
        ):
            worker.run()
        if feeder.exitcode:
            raise BrokerError("the demo's simulator could not send its events; try again")
    return worker.state, watcher


def _place(database: Path | None) -> Path:
    """Where the demo's database goes: a new file that was asked for, or the demo's own, made anew."""
    if database is not None and database.exists():
        raise DatabaseError(f"{database} is there already; name another file, or remove it")
    path = database or DEFAULT_DATABASE
    if path.exists():
        with open_reader(path):  # refuses what another demo holds, and what is no database of firsthand's
            pass
        path.unlink()
        path.with_name(path.name + ".wal").unlink(missing_ok=True)
    return path


@contextmanager
def _feeding(
    at: WorkerSettings, start: datetime, events: int, rate: float | None
) -> Iterator[multiprocessing.process.BaseProcess]:
    """Simulate into the topic while the block runs; a process of its own takes no time from the worker."""
    feeder = multiprocessing.get_context("spawn").Process(
        target=_feed, args=(at.bootstrap, at.topic, at.partitions, start, events, rate), daemon=True
    )
    with _deaf():  # inherited: what ends the demo is the worker's business
        feeder.start()
    try:
        yield feeder
    finally:
        feeder.kill()
        feeder.join()


@contextmanager
def _deaf() -> Iterator[None]:
    """Ignore what a terminal sends to a whole group of processes, for a moment."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _feed(
    bootstrap: str, topic: str, partitions: int, start: datetime, events: int, rate: float | None
) -> None:
    from pipeline.kafka import ensure_topics, produce  # noqa: PLC0415 - only this process needs them
    from pipeline.simulate import Incident, simulate  # noqa: PLC0415

    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        ensure_topics(bootstrap, {topic: partitions})
        simulated = simulate(events, SEED, start=start, days=DAYS, incident=Incident())
        produce(bootstrap, topic, ((each.key, each.value) for each in simulated), rate=rate)
    except FirsthandError:
        os._exit(FAILED)  # the demo says so


def _end_with_parent() -> None:
    """A killed demo leaves no simulator behind."""
    if parent := multiprocessing.parent_process():
        parent.join()
    os._exit(0)


def _welcome(console: Console, may_open: bool) -> Callable[[str], None]:
    """Say where the page is, and open it where there is a desktop to open it on."""

    def told(url: str) -> None:
        tell(console, f"look at {url} (Ctrl-C ends the demo)")
        desktop = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if may_open and console.is_terminal and (desktop or sys.platform in ("darwin", "win32")):
            webbrowser.open(url)

    return told


def _tell(store: Store, start: datetime, watcher: Watcher, out: Console) -> None:
    """The end report: all readings, and what changed from the first half to the second."""
    halfway = start + timedelta(days=DAYS / 2)
    with store.reading() as con:
        changes = [
            change
            for by in ("channel", "reason")
            for change in _changes(report(con, halfway, "7d", by), report(con, None, "7d", by))
        ]
        alerts = con.execute(FIRED).fetchall()
    out.print(watcher.table(out))
    if alerts:
        tell(out, "Alerts that fired:")
    for at, rule, because in alerts:
        tell(out, f"  {at.astimezone(UTC):%Y-%m-%d %H:%M} {rule}: {because}")
    if not changes:
        tell(out, "Nothing changed in the second week beyond chance: too few events, or stopped too early.")
        return
    tell(out, "What changed in the second week beyond chance (95 % intervals apart), largest first:")
    for _, line in sorted(changes, reverse=True)[:10]:
        tell(out, f"  {line}")


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
