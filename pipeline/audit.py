"""The conservation law with its figures: consumed = accepted + duplicates + rejected + tombstones."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.sql import load
from pipeline.tally import Tally


@dataclass(frozen=True, slots=True)
class PartitionAudit:
    """One partition: its counts, the rows found, and what is still to be consumed (None: not asked).

    `topic_id`: by which id the database knows its topic; None where no broker had one to tell.
    """

    topic: str
    partition: int
    next_offset: int
    tally: Tally
    accepted_rows: int
    rejected_rows: int
    remaining: int | None = None
    topic_id: str | None = None

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

    @classmethod
    def from_dict(cls, found: dict[str, Any]) -> "Audit":
        """An audit from what `as_dict` made of it."""
        counts = tuple(asdict(Tally()))
        return cls(
            tuple(
                PartitionAudit(
                    **{name: value for name, value in each.items() if name not in counts},
                    tally=Tally(**{name: each[name] for name in counts}),
                )
                for each in found["partitions"]
            )
        )

    def lines(self) -> list[str]:
        """For people: a line per partition, the total, and whether the law holds."""
        told = [f"{each.topic}, partition {each.partition}: {_told(each.tally)}" for each in self.partitions]
        known = [each.remaining for each in self.partitions if each.remaining is not None]
        left = [f"still to be consumed: {sum(known):,}"] if known else []
        verdict = "the conservation law holds" if not self.faults else "the conservation law does not hold"
        return [*told, f"total: {_told(self.total)}", *left, *self.faults, verdict]

    def as_dict(self) -> dict[str, Any]:
        """The figures in total, and per partition in `partitions`."""
        partitions = [
            {
                "topic": each.topic,
                "topic_id": each.topic_id,
                "partition": each.partition,
                **asdict(each.tally),
                "next_offset": each.next_offset,
                "accepted_rows": each.accepted_rows,
                "rejected_rows": each.rejected_rows,
                "remaining": each.remaining,
            }
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


def audit(con: DuckDBPyConnection) -> Audit:
    """Count again: the watermarks' counts beside the rows that must bear them out."""
    return Audit(
        tuple(
            PartitionAudit(
                topic,
                partition,
                next_offset or 0,
                Tally(*(count or 0 for count in counts)),
                accepted,
                rejected,
                topic_id=topic_id,
            )
            for topic, topic_id, partition, next_offset, *counts, accepted, rejected in con.execute(
                load("audit")
            ).fetchall()
        )
    )


def still_to_consume(found: Audit, topic: str, waiting: Mapping[int, int]) -> Audit:
    """The audit with how many records are `waiting` in each partition of `topic`."""
    known = [
        replace(each, remaining=waiting[each.partition])
        if each.topic == topic and each.partition in waiting
        else each
        for each in found.partitions
    ]
    begun = {each.partition for each in known if each.topic == topic}
    unbegun = [
        PartitionAudit(topic, partition, 0, Tally(), 0, 0, count)
        for partition, count in sorted(waiting.items())
        if partition not in begun
    ]
    return Audit((*known, *unbegun))


def _told(tally: Tally) -> str:
    return (
        f"{tally.consumed:,} consumed = {tally.accepted:,} accepted + {tally.duplicates:,} duplicates "
        f"+ {tally.rejected:,} rejected + {tally.tombstones:,} tombstones"
    )
