"""What happens to a broker, to its topics or to the worker's place in the group happens to no event."""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline import kafka
from tests.administrator import administrator, delete_topic
from tests.apache_kafka import ApacheKafka, Node, had
from tests.command import ended, until
from tests.simulated import RECORDS, Simulated
from tests.stream import Stream
from tests.timing import LONGEST_PAUSE_S, disturbed, loaded, seconds_until

SESSION_S = 6.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """One node of Apache Kafka that only these tests use: it is killed and frozen."""
    with had(lambda: ApacheKafka(tmp_path_factory.mktemp("apache-kafka"))) as running:
        yield running


@pytest.fixture
def node(cluster: ApacheKafka) -> Iterator[Node]:
    """It runs at the end, however the test ended."""
    [node] = cluster.nodes
    yield node
    if node.process.poll() is not None:
        node.start()
        node.wait()


@pytest.fixture
def stream(cluster: ApacheKafka, simulated: Simulated, topic: Callable[[str], str], tmp_path: Path) -> Stream:
    return simulated.onto(cluster.bootstrap, topic("touchpoints"), tmp_path)


def test_a_broker_that_crashes_and_comes_back_with_its_data_is_waited_for(node, stream, record_property):
    with disturbed(stream, record_property):
        node.kill()
        node.start()
        node.wait()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["dead", "frozen"])
def test_a_broker_that_stays_away_ends_worker_and_sender_with_a_line_and_nothing_is_lost(
    node, stream, number
):
    with loaded(stream) as (worker, sender):
        node.send(number)
        assert "has not answered for 30 s" in last_line(ended(worker))
        assert ended(sender).returncode == 1
    node.kill()
    node.start()
    node.wait()
    with stream.worker() as worker:
        stream.send()
        stream.until_caught_up()
        assert ended(worker, signal.SIGTERM).returncode == 0
    stream.assert_whole()


def test_a_broker_frozen_beyond_the_session_is_waited_for(node, stream, record_property):
    with disturbed(stream, record_property):
        freeze(node.send)


@pytest.mark.slow
def test_a_worker_frozen_beyond_the_session_goes_on_and_counts_nothing_twice(stream, record_property):
    with disturbed(stream, record_property) as worker:
        freeze(worker.send_signal)


def freeze(send: Callable[[signal.Signals], object]) -> None:
    """For longer than the session: a fixed time, since nothing tells that a timeout has passed."""
    send(signal.SIGSTOP)
    try:
        time.sleep(SESSION_S + 3)
    finally:
        send(signal.SIGCONT)


def test_partitions_added_while_it_runs_are_consumed_from_their_beginning(stream, record_property):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 2})
    stream.send()
    with stream.worker() as worker:
        until(lambda: stream.consumed() >= RECORDS)
        with administrator(stream.bootstrap) as admin:
            admin.create_partitions({stream.topic: 5})
        stream.send()
        pause = seconds_until(lambda: stream.consumed() >= 2 * RECORDS)
        assert ended(worker, signal.SIGTERM).returncode == 0
    record_property("consumed_again_s", round(pause, 2))
    assert pause < LONGEST_PAUSE_S
    partitions = {each["partition"] for each in stream.audited()["partitions"] if each["consumed"]}
    assert partitions == {0, 1, 2, 3, 4}
    stream.assert_whole()


def test_a_topic_made_again_while_it_runs_ends_it_with_one_line_and_is_refused_from_then_on(stream):
    stream.send()
    with stream.worker() as worker:
        until(lambda: stream.consumed() >= RECORDS)
        worker.send_signal(signal.SIGSTOP)  # so that it sees neither end nor beginning
        made_again(stream)
        stream.send()
        stream.send()  # its partitions reach beyond where the former ended
        worker.send_signal(signal.SIGCONT)
        line = last_line(ended(worker))
    assert line.startswith(f"{stream.topic} at {stream.bootstrap} was deleted and made again")
    with stream.worker() as worker:
        assert last_line(ended(worker)) == line


def made_again(stream: Stream) -> None:
    delete_topic(stream.bootstrap, stream.topic)
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})


def last_line(worker) -> str:
    """How a worker that could not go on explains itself, after the lines about its progress."""
    assert worker.returncode == 1
    assert "Traceback" not in worker.stderr
    return worker.stderr.splitlines()[-1].removeprefix("firsthand: ")


def test_a_second_database_in_the_group_is_refused_and_leaves_the_first_alone(stream):
    stream.send()
    with stream.worker() as first:
        until(lambda: stream.consumed() >= RECORDS)
        other = Stream(stream.bootstrap, stream.topic, stream.place, stream.events, "other.duckdb")
        with other.worker() as second:
            line = last_line(ended(second))
        assert line.startswith(f"a worker with another database consumes {stream.topic} in the group")
        stream.send()
        until(lambda: stream.consumed() >= 2 * RECORDS)
        assert ended(first, signal.SIGTERM).returncode == 0
    stream.assert_whole()
