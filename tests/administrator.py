"""A broker's administrator, who looks at it, and changes topics behind the program's back."""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient

from tests.command import until


@contextmanager
def administrator(bootstrap: str) -> Iterator[KafkaAdminClient]:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        yield admin
    finally:
        admin.close()


def delete_topic(bootstrap: str, name: str) -> None:
    """Return once it is gone."""
    with administrator(bootstrap) as admin:
        admin.delete_topics([name])
        until(lambda: name not in admin.list_topics())


def group_offsets(bootstrap: str, group: str) -> dict[int, int]:
    """How far Kafka believes a group to be in each partition of the one topic that it consumes."""
    with administrator(bootstrap) as admin:
        offsets = admin.list_group_offsets({group: None})[group]
    return {tp.partition: known.offset for tp, known in offsets.items()}
