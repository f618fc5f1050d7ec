"""A second worker on the same database goes on within 15 seconds of the first one's death, by the clock."""

import signal
import subprocess

from pipeline import kafka
from tests.command import ended, until
from tests.simulated import RECORDS
from tests.stream import Stream
from tests.timing import seconds_until

TAKEN_OVER_S = 15


def test_each_takes_over_from_the_one_before_killed_or_stopped_and_the_one_that_comes_back_stands_by(
    stream, record_property
):
    stream.send()
    with stream.worker() as first:
        until(lambda: stream.consumed() >= RECORDS)
        with stream.worker() as second:
            assert stands_by(second)
            ended(first, signal.SIGKILL)
            record_property("after_sigkill_s", round(takes_over(stream), 2))
            with stream.worker() as back:
                assert stands_by(back)
                assert ended(second, signal.SIGTERM).returncode == 0
                record_property("after_sigterm_s", round(takes_over(stream), 2))
                assert ended(back, signal.SIGTERM).returncode == 0
    stream.assert_whole()


def stands_by(worker: subprocess.Popen) -> bool:
    return "standing by" in worker.stderr.readline()


def takes_over(stream: Stream) -> float:
    """Seconds until an event that is sent now is stored, by a worker that has stored nothing so far."""
    again = stream.events.read_bytes().splitlines()[0]
    kafka.produce(stream.bootstrap, stream.topic, [(None, again)])
    seconds = seconds_until(lambda: stream.consumed() == 1)
    assert seconds < TAKEN_OVER_S
    return seconds
