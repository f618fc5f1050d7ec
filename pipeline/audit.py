"""The conservation law with its figures: consumed = accepted + duplicates + rejected + tombstones."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import reduce
from operator import add
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.sql import load
from pipeline.tally import Tally


@dataclass(frozen=True, slots=True)
class PartitionAudit:
    """One partition: its counts, the rows found, and what is still to be consumed (None: not asked)."""

    topic: str
    partition: int
    next_offset: int
    tally: Tally
    accepted_rows: int
    rejected_rows: int
    remaining: int | None = None

    @property
    def faults(self) -> tuple[str, ...]:
        """What does not hold, in words."""
        counted = self.tally
        where = f"{self.topic}, partition {self.partition}"
        found = []
        explained = counted.accepted + counted.duplicates + counted.rejected + counted.tombstones
        if counted.consumed != explained:
            found.append(f"{where}: consumed {counted.consumed}, but {explained} are accounted for")
        if counted.accepted != self.accepted_rows:
            found.append(f"{where}: accepted {counted.accepted}, but touchpoints has {self.accepted_rows}")
        if counted.rejected != self.rejected_rows:
            found.append(f"{where}: rejected {counted.rejected}, but rejections has {self.rejected_rows}")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Audit:
    """The law, partition by partition and in total."""

    partitions: tuple[PartitionAudit, ...]

    @property
    def total(self) -> Tally:
        """The counts of all partitions."""
        return reduce(add, (each.tally for each in self.partitions), Tally())

    @property
    def faults(self) -> tuple[str, ...]:
        """What does not hold, in words; empty where the law holds."""
        return tuple(fault for each in self.partitions for fault in each.faults)

    def as_dict(self) -> dict[str, Any]:
        """The figures in total, and per partition in `partitions`."""
        partitions = [
            {"topic": each.topic, "partition": each.partition, **asdict(each.tally)}
            | {"next_offset": each.next_offset}
            | ({} if each.remaining is None else {"remaining": each.remaining})
            for each in self.partitions
        ]
        known = [each.remaining for each in self.partitions if each.remaining is not None]
        return {
            **asdict(self.total),
            "holds": not self.faults,
            "faults": list(self.faults),
            **({"remaining": sum(known)} if known else {}),
            "partitions": partitions,
        }


def audit(con: DuckDBPyConnection, ends: Mapping[tuple[str, int], int] | None = None) -> Audit:
    """Count again. `ends`: the end offset of each (topic, partition), where a broker was asked."""
    found = []
    for topic, partition, next_offset, *counts, accepted_rows, rejected_rows in con.execute(
        load("audit")
    ).fetchall():
        at = next_offset or 0
        remaining = None if ends is None else max(0, ends.get((topic, partition), at) - at)
        tally = Tally(*(count or 0 for count in counts))
        found.append(
            PartitionAudit(topic, partition, at, tally, accepted_rows, rejected_rows, remaining)
        )
    begun = {(each.topic, each.partition) for each in found}
    for (topic, partition), end in sorted((ends or {}).items()):
        if (topic, partition) not in begun:
            found.append(PartitionAudit(topic, partition, 0, Tally(), 0, 0, end))
    return Audit(tuple(found))
