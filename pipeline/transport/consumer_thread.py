"""The thread in which aiokafka fetches: how it joins the group, what it hears there, how it leaves."""

import asyncio
from contextlib import suppress
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

from pipeline.transport.log import FAUSTS_LOG
from pipeline.transport.refusals import FORBIDDEN, UNFIT
from pipeline.transport.sole_consumer import SoleConsumer

FETCH_MAX_WAIT_MS = 100
"""One fetch per broker is under way: a caught-up partition may delay the busy ones this long."""


class Companion(WorkerThread):
    """A thread that the end of the program does not wait for: what it waits for may never come."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.daemon = True


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with a shorter wait for records and a leave that works everywhere."""

    Worker = Companion
    logger = FAUSTS_LOG

    def _create_worker_consumer(self, transport: driver.Transport) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_MAX_WAIT_MS  # noqa: SLF001 - Faust hard-codes 1,500
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust's word for it means much more
        app: Any = self.consumer.app
        sole = SoleConsumer(app.conf.id, app.refuse)
        consumer._partition_assignment_strategy = [sole]  # noqa: SLF001 - Faust would share them out
        return consumer

    async def on_start(self) -> None:
        """Hear what the group's coordinator answers: Faust waits for partitions, and would for ever."""
        await super().on_start()
        app: Any = self.consumer.app
        # aiokafka tells it only to those who fetch.
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001 - there is no public way
        push = coordinator._push_error_to_user  # noqa: SLF001 - likewise

        def tell(error: BaseException) -> Any:
            if isinstance(error, (*FORBIDDEN, *UNFIT)):
                app.refuse(error)
            return push(error)

        coordinator._push_error_to_user = tell  # noqa: SLF001 - likewise

    def highwater(self, tp: TP) -> int:
        """Tell where the records end that may be consumed: at the first transaction that is still open."""
        consumer = self._ensure_consumer()
        stable = consumer.last_stable_offset(tp)
        known: bool = stable is not None and stable >= 0
        return int(stable if known else consumer.highwater(tp))

    async def on_thread_stop(self) -> None:
        """Leave the group, so that the next worker need not wait for this one's session to run out.

        The embedded broker counts a group's generations from 0, and aiokafka takes 0 for none.
        """
        coordinator = self._consumer and self._consumer._coordinator  # noqa: SLF001 - likewise
        if coordinator and coordinator.generation == 0:
            coordinator.generation = 1
        with suppress(asyncio.CancelledError):  # of a heartbeat to a broker that is gone
            await super().on_thread_stop()
