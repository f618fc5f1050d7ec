"""Three nodes of Apache Kafka: leaders move, by a crash and by order, and nobody downstream notices."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline import kafka
from tests.administrator import administrator
from tests.apache_kafka import ApacheKafka, had
from tests.command import until
from tests.simulated import Simulated
from tests.stream import Stream
from tests.timing import disturbed, longest_pause

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
    with suppress(KafkaError), administrator(stream.bootstrap) as admin:
        [found] = admin.describe_topics([stream.topic])
        return {each["partition_index"]: each["leader_id"] for each in found["partitions"]}
    return {}


def test_the_crash_of_a_leader_holds_nothing_up_for_long(cluster, stream, record_property):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    node = cluster.nodes[leaders(stream)[0] - 1]
    with disturbed(stream, record_property, longest_pause):
        node.kill()
    until(lambda: (now := leaders(stream)) and node.number not in now.values())
    node.start()
    node.wait()


@pytest.mark.slow
def test_leaders_that_move_by_order_hold_nothing_up(stream, record_property):
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    before = leaders(stream)
    with disturbed(stream, record_property, longest_pause):
        move(stream, {partition: [leader % 3 + 1, leader] for partition, leader in before.items()})


def move(stream: Stream, replicas: dict[int, list[int]]) -> None:
    """Return once each partition is kept by these nodes, and led by the first of them."""

    def moved() -> bool:
        with administrator(stream.bootstrap) as admin:
            admin.elect_leaders(PREFERRED, {stream.topic: list(replicas)}, raise_errors=False)
        return leaders(stream) == {partition: nodes[0] for partition, nodes in replicas.items()}

    with administrator(stream.bootstrap) as admin:
        admin.alter_partition_reassignments(
            {TopicPartition(stream.topic, partition): nodes for partition, nodes in replicas.items()}
        )
    until(moved)
