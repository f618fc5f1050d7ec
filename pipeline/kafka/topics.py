"""Topics: making those that are missing, who may use them, and by which id the broker knows them."""

from collections.abc import Mapping

from kafka import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from pipeline.errors import BrokerError
from pipeline.kafka.client import REACH_TIMEOUT_S, opened, who
from pipeline.security import OPEN, Security


def ensure_topics(bootstrap: str, partitions: Mapping[str, int], security: Security = OPEN) -> None:
    """Create the missing topics, each with its number of partitions; leave the others as they are."""
    with opened(KafkaAdminClient, bootstrap, security) as admin:
        existing = set(admin.list_topics())
        missing = {
            topic: {"num_partitions": count, "replication_factor": -1}  # -1: the broker's own default
            for topic, count in partitions.items()
            if topic not in existing
        }
        if not missing:
            return
        try:
            admin.create_topics(missing)
        except TopicAlreadyExistsError:
            return  # another program was faster
        except AuthorizationError as error:
            raise BrokerError(
                f"the broker at {bootstrap} lets {who(security)} neither see nor create "
                f"{', '.join(missing)}: add the ACL to use it, or to CREATE it"
            ) from error
        admin.wait_for_topics(list(missing))


def require_rights(bootstrap: str, needed: Mapping[str, str], security: Security = OPEN) -> None:
    """Return if each topic may be used for what is needed of it: "READ" or "WRITE"; else BrokerError."""
    with opened(KafkaAdminClient, bootstrap, security) as admin:
        for topic in admin.describe_topics(list(needed)):
            name, granted = topic["name"], topic["authorized_operations"]
            hidden = topic["error_code"] == TopicAuthorizationFailedError.errno
            if hidden or (granted is not None and needed[name] not in granted):  # None: it knows of no rights
                raise BrokerError(
                    f"the broker at {bootstrap} lets {who(security)} not {needed[name]} {name}: add that ACL"
                )


def topic_id(
    bootstrap: str, topic: str, security: Security = OPEN, timeout_s: float = REACH_TIMEOUT_S
) -> str | None:
    """The broker's own id of a topic, which one made again has not; None where it has no such topic.

    An old broker has none, and says '' of every topic. Raises BrokerError where none answers in time.
    """
    with opened(
        KafkaAdminClient, bootstrap, security, timeout_s, request_timeout_ms=int(timeout_s * 1000)
    ) as admin:
        [found] = admin.describe_topics([topic])
    if found["error_code"] == UnknownTopicOrPartitionError.errno:
        return None
    return found["topic_id"] or ""
