"""Is a topic's log the one that the database consumed? One that was deleted and made again is not."""

from collections.abc import Callable

from pipeline import kafka
from pipeline.errors import BrokerError
from pipeline.security import Security


def require_same_log(
    bootstrap: str,
    topic: str,
    security: Security,
    reached: Callable[[int], int],
    recognises: Callable[[str], bool],
) -> None:
    """Refuse, in one line, a log that is not the database's.

    `reached`: how far the database has consumed a partition; 0 if nothing of it. `recognises`: whether the
    broker's id of the topic is the one that the database knows it by; old brokers have none.
    """
    for partition, end in kafka.end_offsets(bootstrap, topic, security).items():
        if (stored := reached(partition)) > end:
            raise BrokerError(
                f"{topic}, partition {partition}, at {bootstrap} ends at offset {end}, but the "
                f"database has consumed up to {stored}: that was another topic; use a new --db"
            )
    if (found := kafka.topic_id(bootstrap, topic, security)) and not recognises(found):
        raise made_again(bootstrap, topic)


def made_again(bootstrap: str, topic: str) -> BrokerError:
    """What is said of a topic that is another."""
    return BrokerError(
        f"{topic} at {bootstrap} was deleted and made again: the database holds what the former had; "
        "use a new --db for this one"
    )
