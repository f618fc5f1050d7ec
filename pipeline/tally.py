"""What became of the records that were consumed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of records; the conservation law says that the last four add up to the first.

    >>> Tally(3, accepted=2, rejected=1) + Tally(1, tombstones=1)
    Tally(consumed=4, accepted=2, duplicates=0, rejected=1, tombstones=1)
    """

    consumed: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: int = 0
    tombstones: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.consumed + other.consumed,
            self.accepted + other.accepted,
            self.duplicates + other.duplicates,
            self.rejected + other.rejected,
            self.tombstones + other.tombstones,
        )
