"""Contacts at a steady rate, each bearing the moment it is sent: python -m bench.steady_sender.

A process of its own, so that it takes no time from who watches. Writes, for every event in order, its
partition and the moment it was handed to the producer, on the clock that all processes share.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from pipeline import kafka
from pipeline.commands.options import clock

TOPIC = "touchpoints"
PARTITIONS = 4
CUSTOMERS = 30_000
REASONS = ("billing", "delivery", "returns", "account", "technical", "cancellation", "order", "other")


class Contacts:
    """Inbound contacts, made up while they are sent; team = `name` and the partition they go to.

    Records keep their order only within a partition: by team it can be said which are in a reading.
    """

    def __init__(self, name: str, count: int) -> None:
        self._name, self._count = name, count
        self.sent = np.zeros((count, 2))

    def records(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield (key, value), noting partition and moment of each."""
        encode = msgspec.json.encode
        for n in range(self._count):
            customer = f"bench-customer-{n * 7919 % CUSTOMERS}"
            partition = kafka.partition_of(customer.encode(), PARTITIONS)
            self.sent[n] = partition, time.monotonic()
            yield customer.encode(), encode(self._contact(n, customer, partition))

    def _contact(self, n: int, customer: str, partition: int) -> dict[str, object]:
        return {
            "specversion": "1.0",
            "id": f"{self._name}-{n}",
            "source": "/bench",
            "type": "touchpoint.contact.v1",
            "time": clock(),
            "data": {
                "customer_id": customer,
                "contact_id": f"{self._name}-contact-{n}",
                "channel": "phone",
                "reason": REASONS[n % len(REASONS)],
                "agent_id": f"agent-{n % 50:03d}",
                "team": f"{self._name}-{partition}",
                "outcome": "resolved",
                "wait_s": n % 90 + 0.5,
                "handle_s": 240,
            },
        }


def send(bootstrap: str, name: str, count: int, rate: float, to: Path) -> None:
    """Send `count` contacts at `rate` a second, and write to `to` when each was sent."""
    contacts = Contacts(name, count)
    kafka.ensure_topics(bootstrap, {TOPIC: PARTITIONS})
    kafka.produce(bootstrap, TOPIC, contacts.records(), rate=rate)
    np.save(to, contacts.sent)


if __name__ == "__main__":
    send(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), Path(sys.argv[5]))
