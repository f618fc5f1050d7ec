"""Three nodes of Apache Kafka: leaders move, by a crash and by order, and nobody downstream notices."""

import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline import kafka
from tests.apache_kafka import ApacheKafka, had
from tests.command import ended, until
from tests.simulated import RECORDS, Simulated
from tests.stream import Stream
from tests.test_worker import open_admin
from tests.timing import loaded, longest_pause

PREFERRED = 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    with had(lambda: ApacheKafka(tmp_path_factory.mktemp("apache-kafka"), nodes=3)) as running:
        yield running


@pytest.fixture
def stream(cluster: ApacheKafka, simulated: Simulated, topic: Callable[[str], str], tmp_path: Path) -> Stream:
    return simulated.onto(cluster.bootstrap, topic("touchpoints"), tmp_path)


def leaders(stream: Stream) -> dict[int, int]:
    """The node that leads each partition; nothing where a node is asked that has just crashed."""
    with suppress(KafkaError), open_admin(stream.bootstrap) as admin:
        [found] = admin.describe_topics([stream.topic])
        return {each["partition_index"]: each["leader_id"] for each in found["partitions"]}
    return {}


def test_the_crash_of_a_leader_holds_nothing_up_for_long(cluster, stream, record_property):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    node = cluster.nodes[leaders(stream)[0] - 1]
    with loaded(stream) as (worker, sender):
        node.kill()
        pause = longest_pause(stream, RECORDS)
        assert ended(sender).returncode == 0
        until(lambda: (now := leaders(stream)) and node.number not in now.values())
        stream.until_caught_up()
        assert ended(worker, signal.SIGTERM).returncode == 0
    node.start()
    node.wait()
    record_property("consumed_again_s", round(pause, 2))
    assert pause < 15
    stream.assert_whole()


@pytest.mark.slow
def test_leaders_that_move_by_order_hold_nothing_up(stream, record_property):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    before = leaders(stream)
    with loaded(stream) as (worker, sender):
        move(stream, {partition: [leader % 3 + 1, leader] for partition, leader in before.items()})
        pause = longest_pause(stream, RECORDS)
        assert ended(sender).returncode == 0
        stream.until_caught_up()
        assert ended(worker, signal.SIGTERM).returncode == 0
    record_property("consumed_again_s", round(pause, 2))
    assert pause < 15
    stream.assert_whole()


def move(stream: Stream, replicas: dict[int, list[int]]) -> None:
    """Return once each partition is kept by these nodes, and led by the first of them."""

    def moved() -> bool:
        with open_admin(stream.bootstrap) as admin:
            admin.elect_leaders(PREFERRED, {stream.topic: list(replicas)}, raise_errors=False)
        return leaders(stream) == {partition: nodes[0] for partition, nodes in replicas.items()}

    with open_admin(stream.bootstrap) as admin:
        admin.alter_partition_reassignments(
            {TopicPartition(stream.topic, partition): nodes for partition, nodes in replicas.items()}
        )
    until(moved)
