"""Rules and answers made by hand, with a chart whose sums go on a hand.

CHART: a bad answer adds 2, a good one takes 1, it alarms at 4; while raised a good one adds 1 to the recovery
score and a bad one takes 2. The one answer of PAST is history enough for it, and moves no score.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from handmade import DAY, HOUR, survey
from handmade import T as SUNDAY
from oracle_alerts import Flip, standing_flips

from pipeline.alerting.rules import Rules
from pipeline.detection.chart import Chart

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from oracle import Event
    from oracle_change import ChartOf

    from pipeline.detection.baseline import Baseline

MINUTE = timedelta(minutes=1)
MONDAY = datetime(2026, 11, 9, tzinfo=UTC)
AFTER = SUNDAY + 14 * DAY
LONG_AFTER = SUNDAY + 40 * DAY
WEDNESDAY = datetime(2026, 10, 28, 12, tzinfo=UTC)
PAST = survey("past", WEDNESDAY, csat=5, nps=10)
CHART = Chart(step=3, allowance=1, limit=4, per_nat=1.0)
CHANGE = {"kind": "change", "metric": "csat", "false_alarm_every": "100 answers", "fall": {"odds": 2}}


def chart(_known: Baseline, _tilt: float, _every: float) -> Chart:
    return CHART


def flips(
    events: Sequence[Event], until: datetime = AFTER, chart_of: ChartOf = chart, **rule: Any
) -> list[Flip]:
    rules = Rules.model_validate({"rules": [{"name": "r", **rule}]})
    return standing_flips(events, rules, until, chart_of=chart_of)


def told(found: Sequence[Flip], start: datetime = SUNDAY, unit: timedelta = HOUR) -> list[tuple[str, float]]:
    return [(flip.state, (flip.occurred_at - start) / unit) for flip in found]


def hourly(answers: str, start: datetime = SUNDAY, **fields: Any) -> list[Event]:
    """One survey an hour: g is good, b is bad."""
    return [
        survey(f"{start:%d}-{n}", start + n * HOUR, csat=5 if answer == "g" else 1, **fields)
        for n, answer in enumerate(answers)
    ]


def evidence(flip: Flip) -> tuple[float, int | Decimal | None, int | None]:
    return (flip.since - SUNDAY) / HOUR, flip.numerator, flip.denominator
