"""What one run of a contestant took, told as for all events."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.peers.verdict import EXACT
from bench.processes import Cost


@dataclass(frozen=True)
class Outcome:
    """One run: `cost` is None where it failed; `verdict` says whether the result was exact."""

    verdict: str
    events: int
    cost: Cost | None

    @property
    def cpu_s_per_million(self) -> float | None:
        """User and system time of the whole process tree, from its start to its end."""
        return None if self.cost is None else self.cost.cpu_s / self.events * 1e6

    @property
    def events_per_s(self) -> float | None:
        """With the start and the end of the process."""
        return None if self.cost is None else self.events / self.cost.wall_s


def as_for(events: int, few: tuple[int, Cost], more: tuple[int, Cost]) -> Cost:
    """The cost of so many events, from those of few and of more: a start, and the same for every event.

    A slow peer gets fewer events; its start would weigh more than that of the others.

    >>> as_for(100, (10, Cost(cpu_s=3, peak_mib=5, wall_s=6)), (20, Cost(cpu_s=5, peak_mib=7, wall_s=8)))
    Cost(cpu_s=21.0, peak_mib=7, wall_s=24.0)
    """
    (few_events, least), (more_events, most) = few, more
    share = (events - few_events) / (more_events - few_events)
    return Cost(
        cpu_s=least.cpu_s + share * (most.cpu_s - least.cpu_s),
        peak_mib=most.peak_mib,
        wall_s=least.wall_s + share * (most.wall_s - least.wall_s),
    )


@dataclass(frozen=True)
class Standing:
    """All runs of a contestant, and those of the one it is measured against, round by round."""

    outcomes: Sequence[Outcome]
    beside: Sequence[Outcome]

    @property
    def verdict(self) -> str:
        """EXACT if every run was; else what was wrong first."""
        return next((each.verdict for each in self.outcomes if each.verdict != EXACT), EXACT)

    @property
    def cpu(self) -> tuple[float, float, float] | None:
        """CPU seconds per million events: median, lowest, highest; None where any run was not exact."""
        found = [each.cpu_s_per_million for each in self.outcomes]
        return self._spread(found)

    @property
    def ratio(self) -> tuple[float, float, float] | None:
        """Its CPU over the other's of the same round: median, lowest, highest."""
        if any(each.verdict != EXACT for each in self.beside):
            return None
        pairs = zip(self.outcomes, self.beside, strict=True)
        return self._spread(
            [
                own.cpu_s_per_million / other.cpu_s_per_million
                for own, other in pairs
                if own.cpu_s_per_million is not None and other.cpu_s_per_million is not None
            ]
        )

    @property
    def events_per_s(self) -> float | None:
        """The median."""
        found = self._spread([each.events_per_s for each in self.outcomes])
        return found and found[0]

    @property
    def peak_mib(self) -> float | None:
        """The median of the largest resident sets."""
        found = self._spread([each.cost.peak_mib if each.cost else None for each in self.outcomes])
        return found and found[0]

    def _spread(self, values: Sequence[float | None]) -> tuple[float, float, float] | None:
        """A figure of a result that was not exact would be none."""
        known = [value for value in values if value is not None]
        if self.verdict != EXACT or not known:
            return None
        return median(known), min(known), max(known)
