"""Commands that run until they are stopped: broker, worker, demo."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.interruption import no_failure, was_heard
from pipeline.commands.options import (
    Database,
    Kafka,
    Mirrored,
    PagePort,
    SqlPort,
    a_file,
    clock,
    console,
    settings,
)
from pipeline.errors import BrokerError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TRY_AGAIN_S = 0.5


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("demo", epilog="Example: firsthand demo --events 200000 --db x.duckdb")(run_demo)
    app.command("broker", epilog="Example: firsthand broker --port 9092")(run_broker)
    app.command("worker", epilog="Example: firsthand worker --kafka 127.0.0.1:9092 --db x.duckdb")(run_worker)


def run_demo(
    events: Annotated[
        int | None, typer.Option(min=1, help="Stop by itself when so many are in.", metavar="N")
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option(
            "--db",
            parser=a_file,
            help="A new file (default: firsthand-demo.duckdb, made anew).",
            metavar="PATH",
        ),
    ] = None,
    port: PagePort = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Open no browser.")] = False,
) -> None:
    """Broker, worker, simulator with an incident, and page, all at once; Ctrl-C ends it with a report."""
    from pipeline.demo import run  # noqa: PLC0415

    run(settings(), clock, console(), events=events, database=db, port=port, may_open=not no_open)


def run_broker(
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Its port on 127.0.0.1 (default: a free one).", metavar="P"),
    ] = None,
) -> None:
    """Run the embedded broker in the foreground; its topics live as long as it does."""
    from pipeline.embedded_broker import EmbeddedBroker  # noqa: PLC0415

    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with EmbeddedBroker(port) as broker:
        print(f"broker at {broker.bootstrap}; Ctrl-C stops it", flush=True)  # noqa: T201
        while not ended.wait(0.5):
            if broker.process is not None and broker.process.poll() is not None:
                code = broker.process.returncode
                raise BrokerError(f"the broker ended by itself (exit code {code}); start it again")


@no_failure()
def run_worker(
    kafka: Kafka,
    db: Database,
    port: PagePort = None,
    group: Annotated[str | None, typer.Option("--group", help="The consumer group.", metavar="G")] = None,
    sql_port: SqlPort = None,
    mirror: Mirrored = None,
) -> None:
    """Consume the topic into the database until SIGTERM or Ctrl-C; both end it cleanly.

    Where another process holds the database, it stands by and goes on when that one ends.
    """
    from contextlib import AbstractAsyncContextManager  # noqa: PLC0415

    from pipeline.address import from_here  # noqa: PLC0415
    from pipeline.alerting.delivery.delivering import couriers, delivering, require_usable  # noqa: PLC0415
    from pipeline.alerting.rules_file import rules_of  # noqa: PLC0415
    from pipeline.alerting.watcher import RuleWatcher, Watching  # noqa: PLC0415
    from pipeline.commands.mirror import keep_mirrored, reached  # noqa: PLC0415
    from pipeline.database import failing_as, open_writer  # noqa: PLC0415
    from pipeline.kafka import require_rights  # noqa: PLC0415
    from pipeline.live import tell, watching  # noqa: PLC0415
    from pipeline.live_sql.service import live_sql  # noqa: PLC0415
    from pipeline.rejection_limit import RejectionLimit  # noqa: PLC0415
    from pipeline.schema import create_schema  # noqa: PLC0415
    from pipeline.serve import listening, serving, state_of  # noqa: PLC0415
    from pipeline.standby import open_when_free  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415
    from pipeline.worker import Worker  # noqa: PLC0415
    from pipeline.worker_settings import WorkerSettings  # noqa: PLC0415

    at, screen = settings(), console()
    security = at.security
    asked = rules_of(at.rules)
    require_usable(asked, os.environ)
    target = reached(mirror, at)

    def opened() -> Store:
        found = open_when_free(
            lambda: Store(
                open_writer(db, at.definitions, create_schema, at.memory_limit, at.threads),
                limit=RejectionLimit(at.rejection_limit, at.rejection_window),
            ),
            lambda held: tell(screen, held),
            _pauses(),
        )
        if found is None:  # told to stop while it stood by
            raise typer.Exit
        return found

    with failing_as(db), ExitStack() as stack:
        # A worker that stands by takes no port from the one that runs.
        store = stack.enter_context(opened()) if db.exists() else None
        listener = listening(port, at.host)
        # Before a database is made for nothing.
        written = [each for each in (at.dlq_topic, at.alerts_topic) if each]
        require_rights(kafka, {at.topic: "READ"} | dict.fromkeys(written, "WRITE"), security)
        store = store or stack.enter_context(opened())
        wished = at.sql_port if sql_port is None else sql_port
        desk, sql = stack.enter_context(live_sql(store, db, at.limits, wished, at.host))
        or_ask = f" or ask {sql}" if sql else ""

        rules = Watching(
            lambda: RuleWatcher(store, asked.rules, clock, check=failing_checks),
            clock,
            lambda line: tell(screen, line),
            lambda: worker.stop(),  # noqa: PLW0108 - it is made below
        )

        def service(worker: Worker) -> AbstractAsyncContextManager[Any]:
            return serving(
                store,
                db,
                listener,
                lambda: state_of(worker.state) | {"learning": rules.learned},
                lambda url: tell(
                    screen, f"{at.topic} at {kafka} into {db}; look at {url}{or_ask} (Ctrl-C stops it)"
                ),
                clock=clock,
                desk=desk,
                sql=sql,
                scraped_by=at.scraped_by,
            )

        worker = Worker(
            store,
            WorkerSettings(
                bootstrap=kafka,
                topic=at.topic,
                dlq_topic=at.dlq_topic,
                alerts_topic=at.alerts_topic,
                group=group or at.group,
                partitions=at.partitions,
                max_records=at.max_records,
                security=security,
            ),
            clock,
            services=[service],
        )
        if target is not None:
            stack.enter_context(
                keep_mirrored(store, target, at, worker, clock, lambda line: tell(screen, line))
            )
        host, number = listener.getsockname()
        told = couriers(
            store,
            asked,
            clock=clock,
            say=lambda line: tell(screen, line),
            environ=os.environ,
            page=f"http://{from_here(host)}:{number}/",
            caught_up=lambda: rules.is_current,
        )
        with (
            delivering(told),
            rules,
            watching(store, lambda: worker.state, screen, clock),
        ):
            worker.run()


def failing_checks(con: "DuckDBPyConnection") -> "Mapping[str, Sequence[str]]":
    """The checks that fail as of the last refresh, by suite; none before the first."""
    from pipeline.report import last_refresh  # noqa: PLC0415

    as_of = last_refresh(con)
    if as_of is None:
        return {}
    from checks.run import run_checks  # noqa: PLC0415 - Great Expectations takes seconds to import

    found: dict[str, list[str]] = {}
    for each in run_checks(con, as_of).failures:
        found.setdefault(each.suite, []).append(each.expectation)
    return found


def _pauses() -> Iterator[None]:
    while not was_heard():
        time.sleep(TRY_AGAIN_S)
        yield
