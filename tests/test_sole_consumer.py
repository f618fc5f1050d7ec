"""Who of a group's members gets the partitions: all or none."""

from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment

from pipeline.transport.sole_consumer import SoleConsumer


class Cluster:
    """Knows how many partitions each topic has."""

    def __init__(self, **partitions: int) -> None:
        self._partitions = partitions

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        count = self._partitions.get(topic)
        return None if count is None else set(range(count))


def member(refusals: list, holds: bool = False) -> SoleConsumer:
    new = SoleConsumer("group", refusals.append)
    new.metadata(["t"])
    if holds:
        new.on_assignment(ConsumerProtocolMemberAssignment(0, [("t", [0, 1])], b""))
    return new


def test_one_alone_gets_all_partitions():
    [(_, got)] = SoleConsumer("g", print).assign(Cluster(t=3), {"a": member([]).metadata(["t"])}).items()
    assert got.assignment == [("t", [0, 1, 2])]


def test_whoever_consumes_already_keeps_all_and_the_newcomer_is_told():
    refused, kept = [], []
    newcomer, old = member(refused), member(kept, holds=True)
    shares = newcomer.assign(Cluster(t=2), {"a": newcomer.metadata(["t"]), "b": old.metadata(["t"])})
    assert (shares["a"].assignment, shares["b"].assignment) == ([], [("t", [0, 1])])
    newcomer.on_assignment(shares["a"])
    old.on_assignment(shares["b"])
    [line] = map(str, refused)
    assert line.startswith("a worker with another database consumes t in the group group: end it")
    assert kept == []


def test_two_that_come_at_once_do_not_share():
    members = {name: member([]).metadata(["t"]) for name in ("b", "a")}
    shares = SoleConsumer("g", print).assign(Cluster(t=2), members)
    assert (shares["a"].assignment, shares["b"].assignment) == ([("t", [0, 1])], [])


def test_two_topics_in_one_group_are_consumed_side_by_side():
    refused = []
    members = {"a": member(refused).metadata(["t"]), "b": member(refused).metadata(["u"])}
    shares = SoleConsumer("g", print).assign(Cluster(t=2, u=1), members)
    assert (shares["a"].assignment, shares["b"].assignment) == ([("t", [0, 1])], [("u", [0])])
    assert b"taken" not in {share.user_data for share in shares.values()}


def test_a_topic_that_is_gone_is_nobody_s_and_nobody_is_refused():
    refused = []
    one = member(refused, holds=True)
    one.on_assignment(one.assign(Cluster(), {"a": one.metadata(["t"])})["a"])
    assert refused == []
