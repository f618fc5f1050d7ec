"""Where a worker consumes from, and how it paces itself."""

from dataclasses import dataclass

from pipeline.security import OPEN, Security


@dataclass(frozen=True)
class WorkerSettings:
    """Where the worker consumes from, and how it paces itself. Times in seconds.

    `max_records` is about what one transaction takes, `linger_s` how long it waits for more.
    `partitions` counts only where a topic has to be created. Partitions that are added later are
    found after `metadata_age_s` at the latest. `alerts_topic`: where flips go; '' is nowhere.
    """

    bootstrap: str
    topic: str = "touchpoints"
    dlq_topic: str = "touchpoints-dlq"
    group: str = "firsthand"
    partitions: int = 4
    max_records: int = 90_000
    linger_s: float = 0.2
    refresh_s: float = 0.5
    slow_refresh_s: float = 0.8
    idle_refresh_s: float = 10.0
    refresh_ease: float = 0.25
    refresh_duty: float = 0.6
    tick_s: float = 0.5
    give_back_s: float = 10.0
    session_s: float = 6.0
    heartbeat_s: float = 1.0
    rebalance_s: float = 3.0
    commit_s: float = 1.0
    metadata_age_s: float = 10.0
    look_s: float = 5.0
    patience_s: float = 30.0
    alerts_topic: str = ""
    security: Security = OPEN
