"""The thresholds of the suites, by name."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class CheckSettings:
    """What counts as too old, too many, too few.

    `freshness`: the latest event may be this old. `rejected_share`: of all records consumed, at most
    this share may be rejected. `volume_low`, `volume_high`: events of the last full hour by those of
    the same hour a week before, which must be at least `least_hourly_volume` to be a yardstick.
    `settling`: rows stored this long before a refresh, or since, may be missing from its readings.
    `rounding`: by how much two doubles that should be equal may differ.
    """

    freshness: timedelta = timedelta(hours=24)
    rejected_share: float = 0.05
    volume_low: float = 0.2
    volume_high: float = 5.0
    least_hourly_volume: int = 100
    settling: timedelta = timedelta(seconds=10)
    rounding: float = 1e-9
