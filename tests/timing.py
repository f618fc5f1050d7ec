"""A load to be disturbed, and how long the disturbance lasts, by the clock."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.command import ended, until
from tests.simulated import RECORDS
from tests.stream import Stream

RATE = 700
LONGEST_PAUSE_S = 15


@contextmanager
def loaded(stream: Stream) -> Iterator[tuple[subprocess.Popen, subprocess.Popen]]:
    """A worker, and a sender of the stream's events that has begun some seconds ago at the most."""
    with stream.worker() as worker:
        until((stream.place / f"{stream.database}.worker").exists)
        with stream.sending("--rate", RATE) as sender:
            until(lambda: stream.consumed() > RATE / 2)
            yield worker, sender


def seconds_until_more(stream: Stream) -> float:
    """Until the running worker has stored more than it has now."""
    now = stream.consumed()
    return seconds_until(lambda: stream.consumed() > now)


def longest_pause(stream: Stream) -> float:
    """The longest time in which nothing was stored, until the running worker has stored everything."""
    seen = stream.consumed()
    pauses = [0.0]
    while seen < RECORDS:
        pauses.append(seconds_until(lambda seen=seen: stream.consumed() > seen))
        seen = stream.consumed()
    return max(pauses)


@contextmanager
def disturbed(
    stream: Stream,
    record_property: Callable[[str, object], None],
    pause: Callable[[Stream], float] = seconds_until_more,
) -> Iterator[subprocess.Popen]:
    """The block disturbs a load: soon the same worker stores again, all of it, and none of it twice."""
    with loaded(stream) as (worker, sender):
        yield worker
        paused = pause(stream)
        assert ended(sender).returncode == 0
        stream.until_caught_up()
        assert ended(worker, signal.SIGTERM).returncode == 0
    record_property("consumed_again_s", round(paused, 2))
    assert paused < LONGEST_PAUSE_S
    stream.assert_whole()


def seconds_until(condition: Callable[[], object]) -> float:
    began = time.monotonic()
    until(condition)
    return time.monotonic() - began
