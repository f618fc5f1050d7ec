"""The Faust worker: an agent receives record batches, one task stores them, two more look after the rest.

    broker -> transport -> agent -> Writer -> store.ingest -> acknowledged -> Kafka's committed offset
                                                     |-> Refresher        -> store.refresh
                                                     `-> DeadLetterSender -> the dead-letter topic

Work on the database runs in two threads, one that writes and one beside it, never in the event loop.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

import faust
from aiokafka.errors import KafkaError

from pipeline import kafka
from pipeline.batch import RecordBatch
from pipeline.dead_letter_sender import DeadLetterSender
from pipeline.errors import BrokerError
from pipeline.refresher import Refresher
from pipeline.rejection import Rejection
from pipeline.security import OPEN, Security
from pipeline.tally import Tally
from pipeline.transport import FORBIDDEN, SCHEME, BatchApp, BatchSchema, Consumer, Supervisor, credentials
from pipeline.writer import Writer

logger = logging.getLogger(__name__)
T = TypeVar("T")

STOP_DEADLINE_S = 10.0
FAREWELL_S = 5.0
CANCEL_AGAIN_S = 0.1


class Store(Protocol):
    """What the worker needs of a database. `ingest` is called in one thread, all else in another."""

    def ingest(self, batches: Sequence[RecordBatch], ingested_at: datetime) -> Tally:
        """Store the batches in one transaction, passing over records stored before."""

    def refresh(self, as_of: datetime) -> None:
        """Bring the readings to the moment `as_of`."""

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Return where to go on consuming; None if nothing of the partition was stored."""

    def unsent_rejections(self, limit: int) -> list[Rejection]:
        """Return the first rejections, by partition and offset, that are not known to be sent."""

    def mark_sent(self, rejections: Sequence[Rejection]) -> None:
        """Remember that these, and those before them in their partitions, are sent."""


@dataclass(frozen=True)
class WorkerSettings:
    """Where the worker consumes from, and how it paces itself. Times in seconds.

    `max_records` is about what one transaction takes, `linger_s` how long it waits for more.
    `partitions` counts only where a topic has to be created.
    """

    bootstrap: str
    topic: str = "touchpoints"
    dlq_topic: str = "touchpoints-dlq"
    group: str = "firsthand"
    partitions: int = 4
    max_records: int = 60_000
    linger_s: float = 0.4
    refresh_s: float = 1.0
    idle_refresh_s: float = 10.0
    refresh_duty: float = 0.6
    tick_s: float = 0.5
    session_s: float = 6.0
    heartbeat_s: float = 1.0
    rebalance_s: float = 3.0
    commit_s: float = 1.0
    look_s: float = 5.0
    patience_s: float = 30.0
    security: Security = OPEN


@dataclass(frozen=True)
class WorkerState:
    """What the worker is at. `tally` counts this run; `lag` is records to be stored, per partition."""

    phase: Literal["starting", "running", "stopping"] = "starting"
    tally: Tally = field(default_factory=Tally)
    lag: dict[int, int] = field(default_factory=dict)


Service = Callable[["Worker"], AbstractAsyncContextManager[Any]]
"""Runs in the worker's event loop from before it consumes until after its last refresh: an HTTP server."""


def run_worker(
    store: Store,
    settings: WorkerSettings,
    clock: Callable[[], datetime],
    on_tick: Callable[[WorkerState], None] | None = None,
    services: Sequence[Service] = (),
) -> None:
    """Consume until SIGTERM or SIGINT; see `Worker`."""
    Worker(store, settings, clock, on_tick=on_tick, services=services).run()


class Worker:
    """Consumes a topic into a store until it is told to stop.

    `run` returns after a clean stop: what was fetched is stored, offsets are committed, the readings
    refreshed. It raises BrokerError where the broker cannot be used, and whatever `store` or a service
    raised: then nothing beyond the last good transaction is committed. `on_tick` is told the state
    twice a second, in the event loop: it must be quick.
    """

    def __init__(
        self,
        store: Store,
        settings: WorkerSettings,
        clock: Callable[[], datetime],
        *,
        on_tick: Callable[[WorkerState], None] | None = None,
        services: Sequence[Service] = (),
    ) -> None:
        self._store = store
        self._settings = settings
        self._on_tick = on_tick
        self._services = services
        self._phase: Literal["starting", "running", "stopping"] = "starting"
        self._tally = Tally()
        self._writing = ThreadPoolExecutor(1, "writing")
        self._beside = ThreadPoolExecutor(1, "beside")
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._dlq_partitions = settings.partitions
        self._app: BatchApp | None = None
        self._writer = Writer(
            self._ingest, clock, max_records=settings.max_records, linger_s=settings.linger_s
        )
        self._refresher = Refresher(
            self._refresh,
            clock,
            every_s=settings.refresh_s,
            idle_s=settings.idle_refresh_s,
            duty=settings.refresh_duty,
        )

    def run(self) -> None:
        """Consume until stopped by a signal, by `stop` or by a failure."""
        try:
            self._dlq_partitions = self._prepare_topics()
            _run(self._main())
        finally:
            self._writing.shutdown()
            self._beside.shutdown()

    def stop(self) -> None:
        """Ask for a clean stop; may be called from any thread, more than once, also when it has ended."""
        if self._loop is None:
            self._stopping.set()
        else:
            with suppress(RuntimeError):  # the loop is closed: it has stopped already
                self._loop.call_soon_threadsafe(self._stopping.set)

    @property
    def state(self) -> WorkerState:
        """What the worker is at."""
        consumer = self._app.consumer if self._app and self._phase != "starting" else None
        return WorkerState(self._phase, self._tally, consumer.lag() if isinstance(consumer, Consumer) else {})

    def _prepare_topics(self) -> int:
        """Create missing topics, refuse a log that is not the database's; return the DLQ's partitions."""
        at = self._settings
        partitions = {at.topic: at.partitions, at.dlq_topic: at.partitions}
        kafka.require_rights(at.bootstrap, {at.topic: "READ", at.dlq_topic: "WRITE"}, at.security)
        kafka.ensure_topics(at.bootstrap, partitions, at.security)
        for partition, end in kafka.end_offsets(at.bootstrap, at.topic, at.security).items():
            stored = self._store.next_offset(at.topic, partition) or 0
            if stored > end:
                raise BrokerError(
                    f"{at.topic}, partition {partition}, at {at.bootstrap} ends at offset {end}, but the "
                    f"database has consumed up to {stored}: that was another topic; use a new --db"
                )
        return kafka.partition_count(at.bootstrap, at.dlq_topic, at.security)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        with self._signals():
            async with AsyncExitStack() as stack:
                for service in self._services:
                    await stack.enter_async_context(service(self))
                try:
                    await self._consume()
                except FORBIDDEN as error:
                    who = self._settings.security.username or "this client"
                    raise BrokerError(
                        f"the broker at {self._settings.bootstrap} forbids it ({error}): add the ACL for "
                        f"{who} and start again"
                    ) from error
                except KafkaError as error:
                    raise BrokerError(
                        f"the broker at {self._settings.bootstrap} failed ({error}): check it and start again"
                    ) from error
                await self._refresher.now()

    async def _consume(self) -> None:
        app = self._app = _app(self._settings, self._next_offset, self._writer.put)
        worker = _QuietWorker(app)
        self._begin(app.refusal())
        letters = self._dead_letters(app)
        self._begin(self._writer.run(lambda tally: self._stored(tally, letters)), self._refresher.run())
        if self._on_tick:
            self._begin(self._tick(self._on_tick))
        try:
            await self._first_of(worker.start(), self._stopping.wait())
            self._begin(letters.run(), _crash_of(worker), self._look_after_broker())
            self._phase = "running"
            await self._first_of(self._stopping.wait())
            self._phase = "stopping"
            await self._finish(app, letters)
        except BaseException:
            app.abandoned = True
            raise
        finally:
            await _stop(worker)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _finish(self, app: BatchApp, letters: DeadLetterSender) -> None:
        """Fetch no more; store what was fetched, and send its dead letters while the producer lives."""
        if app.started:
            app.consumer.stop_flow()
            app.flow_control.suspend()
        await self._first_of(self._writer.drained())
        if app.started:
            await self._first_of(letters.send_waiting(), asyncio.sleep(FAREWELL_S))

    def _stored(self, tally: Tally, letters: DeadLetterSender) -> None:
        self._tally += tally
        self._refresher.note()
        if tally.rejected:
            letters.note()

    async def _tick(self, on_tick: Callable[[WorkerState], None]) -> None:
        while True:
            on_tick(self.state)
            await asyncio.sleep(self._settings.tick_s)

    async def _look_after_broker(self) -> None:
        """Raise BrokerError once no server of the broker has answered for `patience_s`.

        The Kafka client itself would try again for ever, and say nothing.
        """
        at, loop = self._settings, asyncio.get_running_loop()
        heard = loop.time()
        while loop.time() - heard < at.patience_s:
            await asyncio.sleep(at.look_s)
            if await _answers(at.bootstrap, at.look_s):
                heard = loop.time()
        raise BrokerError(
            f"the broker at {at.bootstrap} has not answered for {at.patience_s:.0f} s: check it and start "
            "again; everything consumed so far is stored"
        )

    def _begin(self, *background: Coroutine[Any, Any, Any]) -> None:
        self._tasks |= {asyncio.create_task(each) for each in background}

    async def _first_of(self, *awaited: Coroutine[Any, Any, Any]) -> None:
        """Return when one of these is done; raise if one of them, or a background task, raised first."""
        mine = {asyncio.create_task(each) for each in awaited}
        done, _ = await asyncio.wait(mine | self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in mine - done:
            task.cancel()
        for task in done:
            task.result()

    def _dead_letters(self, app: BatchApp) -> DeadLetterSender:
        return DeadLetterSender(
            lambda: app.producer,
            self._settings.dlq_topic,
            self._dlq_partitions,
            unsent=lambda limit: self._in(self._beside, self._store.unsent_rejections, limit),
            mark_sent=lambda sent: self._in(self._beside, self._store.mark_sent, sent),
        )

    def _ingest(self, batches: Sequence[RecordBatch], ingested_at: datetime) -> Awaitable[Tally]:
        return self._in(self._writing, self._store.ingest, batches, ingested_at)

    def _refresh(self, as_of: datetime) -> Awaitable[None]:
        return self._in(self._beside, self._store.refresh, as_of)

    def _next_offset(self, topic: str, partition: int) -> Awaitable[int | None]:
        return self._in(self._beside, self._store.next_offset, topic, partition)

    def _in(self, pool: ThreadPoolExecutor, work: Callable[..., T], *values: Any) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(pool, work, *values)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask for a clean stop; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def _run(main: Coroutine[Any, Any, None]) -> None:
    """As asyncio.run, which would wait for ever for a task of Faust's that a crash left deaf."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_cancel_the_rest())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        asyncio.set_event_loop(None)
        loop.close()


async def _cancel_the_rest() -> None:
    """Cancel until they hear it: some of Faust's services take a crash for a pause."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FAREWELL_S
    while (rest := asyncio.all_tasks() - {asyncio.current_task()}) and loop.time() < deadline:
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=CANCEL_AGAIN_S)


class _QuietWorker(faust.Worker):
    """Faust's worker without its terminal manners: signals, logging and stdout are the program's."""

    def __init__(self, app: BatchApp) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False, daemon=False)
        self.spinner = None

    def install_signal_handlers(self) -> None:
        """Leave the signals to `Worker`."""


def _app(
    settings: WorkerSettings,
    stored_offsets: Callable[[str, int], Awaitable[int | None]],
    put: Callable[[Any], Awaitable[None]],
) -> BatchApp:
    app = BatchApp(
        settings.group,
        stored_offsets,
        broker=";".join(f"{SCHEME}://{server}" for server in settings.bootstrap.split(",")),
        broker_credentials=credentials(settings.security),
        broker_session_timeout=settings.session_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.rebalance_s,
        broker_commit_interval=settings.commit_s,
        producer_acks=-1,
        producer_request_timeout=10.0,
        producer_max_request_size=64 * 1024 * 1024,  # the broker says what is too large
        consumer_max_fetch_size=4 * 1024 * 1024,  # per partition: about 10,000 records, not 2,500
        stream_buffer_maxsize=4,  # batches, not records
        stream_wait_empty=True,
        agent_supervisor=Supervisor,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
    )
    topic = app.topic(settings.topic, schema=BatchSchema())

    @app.agent(topic, name="touchpoints")
    async def receive(stream: Any) -> None:
        # Faust acknowledges an event when the agent asks for the next one; here storing it does.
        async for event in stream.noack().events():
            await put(event)

    return app


async def _answers(bootstrap: str, timeout_s: float) -> bool:
    """Does any server of HOST:PORT[,HOST:PORT...] take a connection?"""
    for server in bootstrap.split(","):
        host, _, port = server.rpartition(":")
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(timeout_s):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            writer.close()
            return True
    return False


async def _crash_of(worker: faust.Worker) -> None:
    """Raise what Faust crashed with, when it does."""
    await worker.wait_until_stopped()
    if worker.crash_reason:
        raise worker.crash_reason


async def _stop(worker: faust.Worker) -> None:
    try:
        await asyncio.wait_for(worker.stop(), STOP_DEADLINE_S)
    except TimeoutError:
        # The database knows how far it is; only tools that watch Kafka's offsets miss the last of it.
        logger.warning("the broker did not answer at the end: its committed offsets may lag behind")
