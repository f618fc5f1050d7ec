"""Which member of the group consumes: one takes all partitions, since each has a database of its own."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from pipeline.errors import BrokerError

HAS_THEM, TAKEN = b"has them", b"taken"


class SoleConsumer(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka has no types
    """Leaves a topic's partitions to the member that has them; else the first by its id gets them all.

    A member that gets none because another has them is told why by `refuse`, and ends: half of the
    partitions would make two databases, each with half of the events in it.
    """

    name = "firsthand"
    version = 0

    def __init__(self, group: str, refuse: Callable[[BaseException], None]) -> None:
        self._group = group
        self._refuse = refuse
        self._topics: list[str] = []
        self._has_them = False

    def metadata(self, topics: Iterable[str]) -> Any:
        """What this member says when it joins: its topics, and whether it consumes already."""
        self._topics = sorted(topics)
        said = HAS_THEM if self._has_them else b""
        return ConsumerProtocolMemberMetadata(self.version, self._topics, said)

    def assign(self, cluster: ClusterMetadata, members: Mapping[str, Any]) -> dict[str, Any]:
        """Asked of the group's leader: all partitions of each topic to one of those who want it."""
        owners = {
            topic: min(
                (member for member, said in members.items() if topic in said.subscription),
                key=lambda member: (members[member].user_data != HAS_THEM, member),
            )
            for topic in sorted({topic for said in members.values() for topic in said.subscription})
        }
        return {
            member: self._share(cluster, [topic for topic, owner in owners.items() if owner == member])
            for member in members
        }

    def on_assignment(self, assignment: Any) -> None:
        """Hear what the leader decided."""
        self._has_them = assignment.user_data != TAKEN
        if not self._has_them:
            self._refuse(
                BrokerError(
                    f"a worker with another database consumes {', '.join(self._topics)} in the group "
                    f"{self._group}: end it, or name another group with --group"
                )
            )

    def _share(self, cluster: ClusterMetadata, topics: list[str]) -> Any:
        parts = [(topic, sorted(cluster.partitions_for_topic(topic) or ())) for topic in topics]
        return ConsumerProtocolMemberAssignment(self.version, parts, b"" if topics else TAKEN)
