"""The life of an alert: what becomes of the conditions that a rule finds in one member, as flips.

A flip is a change of state at a moment of event time: pending, firing, resolved. It is a function of the
conditions, so a replay makes the same ones.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from pipeline.alerting.evaluation.conditions import Condition

State = Literal["pending", "firing", "resolved"]


class Flip(NamedTuple):
    """A change of state, and the condition that is its evidence."""

    state: State
    at_us: int
    condition: Condition


Alert = tuple[Flip, ...]
"""All flips of one alert, in order."""


def alerts_of(
    conditions: Sequence[Condition], until_us: int, hold_us: int = 0, keep_us: int = 0
) -> list[Alert]:
    """The alerts of one member by a moment, from its conditions in order.

    It fires once a condition has held for `hold_us` (the rule's `for`), and is resolved `keep_us` (its
    `keep_firing_for`) after the condition ended, unless that is raised again before.

    >>> short, long = Condition(1, 10, 8, 5, 0.9, 12), Condition(1, 20, 18, 5, 0.9, 30)
    >>> [[(flip.state, flip.at_us) for flip in alert] for alert in alerts_of([short, long], 99, 5)]
    [[('pending', 10), ('resolved', 12)], [('pending', 20), ('firing', 25), ('resolved', 30)]]
    >>> [[(flip.state, flip.at_us) for flip in alert] for alert in alerts_of([short, long], 99, 0, 8)]
    [[('firing', 10), ('resolved', 38)]]
    """
    found: list[Alert] = []
    flips: list[Flip] = []
    for now, after in pairwise([*sorted(conditions, key=_raised), None]):
        assert now is not None  # noqa: S101 - only the last of the list is none
        fired = bool(flips)
        fires_us = now.raised_us + hold_us
        lasts = not hold_us or now.ended_us is None or now.ended_us > fires_us
        if not fired:
            flips = [Flip("pending", now.raised_us, now)] if hold_us else []
            if lasts:
                flips.append(Flip("firing", fires_us, now))
        if now.ended_us is None:
            break
        ends_us = now.ended_us + (keep_us if fired or lasts else 0)
        if after is not None and (fired or lasts) and after.raised_us <= ends_us:
            continue
        found.append((*flips, Flip("resolved", ends_us, flips[0].condition)))
        flips = []
    found.append(tuple(flips))
    known = (tuple(flip for flip in alert if flip.at_us <= until_us) for alert in found)
    return [alert for alert in known if alert]


def _raised(condition: Condition) -> int:
    return condition.raised_us
