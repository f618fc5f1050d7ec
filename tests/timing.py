"""A load to be disturbed, and how long the disturbance lasts, by the clock."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.command import until
from tests.stream import Stream

RATE = 700


@contextmanager
def loaded(stream: Stream) -> Iterator[tuple[subprocess.Popen, subprocess.Popen]]:
    """A worker, and a sender of the stream's events that has begun some seconds ago at the most."""
    with stream.worker() as worker:
        until((stream.place / f"{stream.database}.worker").exists)
        with stream.sending("--rate", RATE) as sender:
            until(lambda: stream.consumed() > RATE / 2)
            yield worker, sender


def seconds_until(condition: Callable[[], object]) -> float:
    began = time.monotonic()
    until(condition)
    return time.monotonic() - began


def seconds_until_more(stream: Stream) -> float:
    """Until the running worker has stored more than it has now."""
    now = stream.consumed()
    return seconds_until(lambda: stream.consumed() > now)


def longest_pause(stream: Stream, records: int) -> float:
    """The longest time in which nothing was stored, until the running worker has stored so many."""
    seen = stream.consumed()
    pauses = [0.0]
    while seen < records:
        pauses.append(seconds_until(lambda seen=seen: stream.consumed() > seen))
        seen = stream.consumed()
    return max(pauses)
