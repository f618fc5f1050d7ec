"""The Faust worker: an agent receives record batches, one task stores them, two more look after the rest.

    broker -> transport -> agent -> Writer -> store.ingest -> acknowledged -> Kafka's committed offset
                                                     |-> Refresher        -> store.refresh
                                                     |-> DeadLetterSender -> the dead-letter topic
                                      what `flips` has `-> FlipSender       -> the topic of alerts

Work on the database runs in two threads, one that writes and one beside it, never in the event loop.
"""

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar

from aiokafka.errors import KafkaError

from pipeline.agent import FAREWELL_S, QuietWorker, app_of, crash_of, run_to_the_end, stop
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.flip_sender import FlipSender
from pipeline.batch import RecordBatch
from pipeline.dead_letter_sender import DeadLetterSender
from pipeline.errors import BrokerError
from pipeline.lookout import prepare_topics, watch_topic
from pipeline.memory import give_back
from pipeline.refresher import Refresher
from pipeline.rejection import Rejection
from pipeline.tally import Tally
from pipeline.transport.app import BatchApp
from pipeline.transport.consumer import Consumer
from pipeline.transport.refusals import FORBIDDEN
from pipeline.worker_settings import WorkerSettings
from pipeline.writer import Writer

T = TypeVar("T")


class Store(Protocol):
    """What the worker needs of a database. `ingest` is called in one thread, all else in another."""

    def ingest(self, batches: Sequence[RecordBatch], ingested_at: datetime) -> Tally:
        """Store the batches in one transaction, passing over records stored before."""

    def refresh(self, as_of: datetime) -> None:
        """Bring the readings to the moment `as_of`."""

    def next_offset(self, topic: str, partition: int) -> int | None:
        """Return where to go on consuming; None if nothing of the partition was stored."""

    def recognises(self, topic: str, topic_id: str) -> bool:
        """Is it the topic that was consumed under this name? The first id that is asked about is kept."""

    def unsent_rejections(self, limit: int) -> list[Rejection]:
        """Return the first rejections, by partition and offset, that are not known to be sent."""

    def mark_sent(self, rejections: Sequence[Rejection]) -> None:
        """Remember that these, and those before them in their partitions, are sent."""

    def unsent_flips(self, topic: str, limit: int) -> list[Flip]:
        """Return the first flips of alerts that are not known to be in the topic."""

    def mark_flips_sent(self, topic: str, number: int) -> None:
        """Remember that the flips up to this number are in the topic."""


@dataclass(frozen=True)
class WorkerState:
    """What the worker is at. `tally` counts this run; `lag` is records to be stored, per partition.

    `as_of` is the moment of the last refresh, which ended `refreshed_s_ago`; None before the first.
    """

    phase: Literal["starting", "running", "stopping"] = "starting"
    tally: Tally = field(default_factory=Tally)
    lag: dict[int, int] = field(default_factory=dict)
    as_of: datetime | None = None
    refreshed_s_ago: float | None = None


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
        self._refreshed: tuple[datetime, float] | None = None
        self._writing = ThreadPoolExecutor(1, "writing")
        self._beside = ThreadPoolExecutor(1, "beside")
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._app: BatchApp | None = None
        self._writer = Writer(
            self._ingest, clock, max_records=settings.max_records, linger_s=settings.linger_s
        )
        self._refresher = Refresher(
            self._refresh,
            clock,
            every_s=settings.refresh_s,
            at_most_s=settings.slow_refresh_s,
            idle_s=settings.idle_refresh_s,
            ease=settings.refresh_ease,
            duty=settings.refresh_duty,
        )

    def run(self) -> None:
        """Consume until stopped by a signal, by `stop` or by a failure."""
        try:
            prepare_topics(self._settings, self._store.next_offset, self._store.recognises)
            run_to_the_end(self._main())
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
        return WorkerState(
            self._phase,
            self._tally,
            consumer.lag() if isinstance(consumer, Consumer) else {},
            *self._last_refresh(),
        )

    def _last_refresh(self) -> tuple[datetime | None, float | None]:
        if self._refreshed is None or self._loop is None:
            return None, None
        as_of, ended = self._refreshed
        return as_of, self._loop.time() - ended

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
        at = self._settings
        app = self._app = app_of(at, self._next_offset, self._writer.put)
        worker = QuietWorker(app)
        self._begin(app.refusal())
        letters = self._dead_letters(app)
        flips = self._flips(app)
        self._begin(self._writer.run(lambda tally: self._stored(tally, letters)), self._refresher.run())
        self._begin(self._give_back_memory())
        if self._on_tick:
            self._begin(self._tick(self._on_tick))
        try:
            await self._first_of(worker.start(), self._stopping.wait())
            self._begin(letters.run(), crash_of(worker), watch_topic(at, self._recognises))
            if at.alerts_topic:
                self._begin(flips.run())
            self._phase = "running"
            await self._first_of(self._stopping.wait())
            self._phase = "stopping"
            await self._finish(app, letters, flips)
        except BaseException:
            app.abandoned = True
            raise
        finally:
            await stop(worker)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _finish(self, app: BatchApp, letters: DeadLetterSender, flips: FlipSender) -> None:
        """Fetch no more; store what was fetched, and send its dead letters while the producer lives."""
        if app.started:
            app.consumer.stop_flow()
            app.flow_control.suspend()
        await self._first_of(self._writer.drained())
        if app.started:
            await self._first_of(letters.send_waiting(), asyncio.sleep(FAREWELL_S))
            if self._settings.alerts_topic:
                await self._first_of(flips.send_waiting(), asyncio.sleep(FAREWELL_S))

    def _stored(self, tally: Tally, letters: DeadLetterSender) -> None:
        self._tally += tally
        self._refresher.note()
        if tally.rejected:
            letters.note()

    async def _tick(self, on_tick: Callable[[WorkerState], None]) -> None:
        while True:
            on_tick(self.state)
            await asyncio.sleep(self._settings.tick_s)

    async def _give_back_memory(self) -> None:
        while True:
            await asyncio.sleep(self._settings.give_back_s)
            await asyncio.to_thread(give_back)

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
            unsent=lambda limit: self._in(self._beside, self._store.unsent_rejections, limit),
            mark_sent=lambda sent: self._in(self._beside, self._store.mark_sent, sent),
        )

    def _flips(self, app: BatchApp) -> FlipSender:
        topic = self._settings.alerts_topic
        return FlipSender(
            lambda: app.producer,
            topic,
            unsent=lambda limit: self._in(self._beside, self._store.unsent_flips, topic, limit),
            mark_sent=lambda number: self._in(self._beside, self._store.mark_flips_sent, topic, number),
        )

    def _ingest(self, batches: Sequence[RecordBatch], ingested_at: datetime) -> Awaitable[Tally]:
        return self._in(self._writing, self._store.ingest, batches, ingested_at)

    async def _refresh(self, as_of: datetime) -> None:
        await self._in(self._beside, self._store.refresh, as_of)
        self._refreshed = as_of, asyncio.get_running_loop().time()

    def _next_offset(self, topic: str, partition: int) -> Awaitable[int | None]:
        return self._in(self._beside, self._store.next_offset, topic, partition)

    def _recognises(self, topic: str, topic_id: str) -> Awaitable[bool]:
        return self._in(self._beside, self._store.recognises, topic, topic_id)

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
