"""The readings, for people and for programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.connection import one
from pipeline.metrics import METRICS
from pipeline.spans import SPANS

COLUMNS = "metric, span, dimension, member, as_of, numerator, denominator, value, low, high"
"""The columns of `metrics`, in its order."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One row of `metrics`."""

    metric: str
    span: str
    dimension: str
    member: str
    as_of: datetime
    numerator: Decimal
    denominator: int
    value: float
    low: float | None
    high: float | None

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> "Reading":
        """A reading from what `as_dict` made of it."""
        exact = {"numerator": Decimal(str(row["numerator"])), "as_of": datetime.fromisoformat(row["as_of"])}
        return cls(**{**row, **exact})

    def as_dict(self) -> dict[str, Any]:
        """The columns of `metrics`, numbers as JSON numbers, the moment as RFC 3339 in UTC.

        >>> at = datetime(2026, 11, 21, tzinfo=UTC)
        >>> reading = Reading("csat", "7d", "all", "all", at, Decimal("3.000"), 4, 0.75, 0.3, 0.95)
        >>> [reading.as_dict()[name] for name in ("as_of", "numerator", "denominator")]
        ['2026-11-21T00:00:00Z', 3, 4]
        """
        whole = self.numerator == self.numerator.to_integral_value()
        return {
            "metric": self.metric,
            "span": self.span,
            "dimension": self.dimension,
            "member": self.member,
            "as_of": self.as_of.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "numerator": int(self.numerator) if whole else float(self.numerator),
            "denominator": self.denominator,
            "value": self.value,
            "low": self.low,
            "high": self.high,
        }


def last_refresh(con: DuckDBPyConnection) -> datetime | None:
    """The moment that `metrics` speaks of; None before the first refresh."""
    moment: datetime | None = one(con, "select as_of from internal.refreshed")
    return moment


def report(
    con: DuckDBPyConnection, as_of: datetime | None = None, span: str = "7d", by: str = "all"
) -> Sequence[Reading]:
    """The readings of one span and dimension, at `as_of` or else at the moment of `metrics`.

    Sorted by metric, as METRICS has them, and member.
    """
    if as_of is None and span in SPANS:
        query = f"select {COLUMNS} from metrics where span = $span and dimension = $by"
        rows = con.execute(query, {"span": span, "by": by}).fetchall()
    elif (moment := as_of or last_refresh(con)) is not None:
        query = f"select {COLUMNS} from metrics_at($as_of, $span, $by)"
        rows = con.execute(query, {"as_of": moment, "span": span, "by": by}).fetchall()
    else:
        rows = []
    order = {metric.name: n for n, metric in enumerate(METRICS)}
    return sorted((Reading(*row) for row in rows), key=lambda each: (order[each.metric], each.member))
