"""A reading beside an earlier one: the change, and whether it is more than chance."""

from typing import Any

from pipeline.report import Reading

SMALLEST_SAMPLE = 30
"""Below so many answers or contacts a value says too little to be compared with others."""


def compared(now: Reading | None, before: Reading | None) -> dict[str, Any]:
    """The two, their difference and, where both have an interval, whether those are apart."""
    return {
        "now": told(now),
        "before": told(before),
        "difference": now.value - before.value if now and before else None,
        "beyond_chance": apart(now, before),
    }


def apart(one: Reading | None, other: Reading | None) -> bool | None:
    """Do the 95 % intervals not overlap? None where one of them has none."""
    if one is None or other is None:
        return None
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return one.low > other.high or other.low > one.high


def sample(reading: Reading, kind: str) -> int:
    """How much a reading rests on: its denominator; for a plain count, what was counted."""
    return int(reading.numerator) if kind == "count" else reading.denominator


def told(reading: Reading | None) -> dict[str, Any] | None:
    """A reading's figures for the page, which knows the rest."""
    if reading is None:
        return None
    row = reading.as_dict()
    return {name: row[name] for name in ("numerator", "denominator", "value", "low", "high")}
