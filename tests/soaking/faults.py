"""The faults of a soak: each is inflicted, and returns once the worker consumes again."""

import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping

from pipeline import kafka
from tests.administrator import administrator
from tests.command import until
from tests.soaking.running import FailedError, Running

FROZEN_S = (1.0, 10.0)
"""From less than the session's timeout to more."""
MOST_PARTITIONS = 12
RESENT, BROKEN = 3000, 100

Fault = Callable[[Running, random.Random], None]


def worker_killed(at: Running, _chance: random.Random) -> None:
    at.worker.kill()
    at.worker.wait()
    at.worker = at.start_worker()


def worker_stopped(at: Running, _chance: random.Random) -> None:
    _end_well(at)
    at.worker = at.start_worker()


def worker_frozen(at: Running, chance: random.Random) -> None:
    _freeze(at.worker, chance)


def broker_killed(at: Running, _chance: random.Random) -> None:
    [node] = at.kafka.nodes
    node.kill()
    node.start()
    node.wait()


def broker_frozen(at: Running, chance: random.Random) -> None:
    _freeze(at.broker, chance)


def taken_over(at: Running, chance: random.Random) -> None:
    """A second worker stands by; the first dies, in one way or the other."""
    second = at.start_worker()
    until(lambda: "standing by" in at.words_of(second) or second.poll() is not None)
    if chance.random() < 0.5:
        _end_well(at)
    else:
        at.worker.kill()
        at.worker.wait()
    at.worker = second


def partitions_added(at: Running, _chance: random.Random) -> None:
    now = len(kafka.end_offsets(at.stream.bootstrap, at.stream.topic))
    with administrator(at.stream.bootstrap) as admin:
        admin.create_partitions({at.stream.topic: min(now + 1, MOST_PARTITIONS)}, raise_errors=False)


def duplicates_resent(at: Running, chance: random.Random) -> None:
    """Lines of the first tenth, most of which were sent before; some may overtake their originals."""
    with at.stream.events.open("rb") as lines:
        lines.seek(chance.randrange(at.stream.events.stat().st_size // 10))
        lines.readline()
        again = [lines.readline().rstrip(b"\n") for _ in range(RESENT)]
    kafka.produce(at.stream.bootstrap, at.stream.topic, ((None, line) for line in again if line))


def broken_records(at: Running, chance: random.Random) -> None:
    values = (b"{broken" + chance.randbytes(40) for _ in range(BROKEN))
    kafka.produce(at.stream.bootstrap, at.stream.topic, ((None, value) for value in values))


ANYWHERE: Mapping[str, Fault] = {
    "worker SIGKILL": worker_killed,
    "worker SIGTERM": worker_stopped,
    "worker frozen": worker_frozen,
    "broker frozen": broker_frozen,
    "stand-by takes over": taken_over,
    "duplicates resent": duplicates_resent,
    "broken records": broken_records,
}
APACHE_ONLY: Mapping[str, Fault] = {"broker SIGKILL": broker_killed, "partitions added": partitions_added}
"""The embedded broker keeps its topics in memory, and adds no partitions."""


def _end_well(at: Running) -> None:
    at.worker.send_signal(signal.SIGTERM)
    if code := at.worker.wait(60):
        raise FailedError(f"SIGTERM ended the worker with exit code {code}: {at.words_of(at.worker)[-600:]}")


def _freeze(process: subprocess.Popen, chance: random.Random) -> None:
    process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(chance.uniform(*FROZEN_S))
    finally:
        process.send_signal(signal.SIGCONT)
