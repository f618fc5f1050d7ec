"""The Faust side of the worker: its app, the agent that receives record batches, its start and its end."""

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import faust
from mode.threads import WorkerThread

from pipeline.transport import SCHEME
from pipeline.transport.app import BatchApp, Supervisor, credentials
from pipeline.transport.batched import BatchSchema
from pipeline.worker_settings import WorkerSettings

logger = logging.getLogger(__name__)

STOP_DEADLINE_S = 10.0
FAREWELL_S = 5.0
CANCEL_AGAIN_S = 0.1


class QuietWorker(faust.Worker):
    """Faust's worker without its terminal manners: signals, logging and stdout are the program's."""

    def __init__(self, app: BatchApp) -> None:
        super().__init__(app, quiet=True, override_logging=False, redirect_stdouts=False, daemon=False)
        self.spinner = None

    def install_signal_handlers(self) -> None:
        """Leave the signals to `Worker`."""


def app_of(
    settings: WorkerSettings,
    stored_offsets: Callable[[str, int], Awaitable[int | None]],
    put: Callable[[Any], Awaitable[None]],
) -> BatchApp:
    """The app with its one agent, which hands what it receives to `put`."""
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
        consumer_metadata_max_age_ms=int(settings.metadata_age_s * 1000),  # so long until new partitions show
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


async def crash_of(worker: faust.Worker) -> None:
    """Raise what Faust crashed with, when it does."""
    await worker.wait_until_stopped()
    if worker.crash_reason:
        raise worker.crash_reason


async def stop(worker: faust.Worker) -> None:
    """Stop it, and leave the group; at the latest after STOP_DEADLINE_S."""
    try:
        await asyncio.wait_for(worker.stop(), STOP_DEADLINE_S)
    except TimeoutError:
        # The database knows how far it is; only tools that watch Kafka's offsets miss the last of it.
        logger.warning("the broker did not answer at the end: its committed offsets may lag behind")


def run_to_the_end(main: Coroutine[Any, Any, None]) -> None:
    """As asyncio.run, which would wait for ever for a task of Faust's that a crash left deaf."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
    finally:
        loop.run_until_complete(_cancel_the_rest())
        loop.run_until_complete(_outlive_threads())
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


async def _outlive_threads() -> None:
    """Wait for Faust's own threads: one that finds this loop closed tells so on stderr, at length."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + FAREWELL_S
    while _threads() and loop.time() < deadline:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(CANCEL_AGAIN_S)


def _threads() -> list[threading.Thread]:
    return [each for each in threading.enumerate() if isinstance(each, WorkerThread)]
