"""What a rule finds: for one member, from when to when its condition holds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Condition:
    """Raised at one moment of event time and ended at another; None while it holds.

    Moments are microseconds since 1970. `member`: its number of internal.names. The evidence: answers since
    `since_us`, what they add up to where the rule knows it already, and what was usual (`baseline`, in the
    metric's own unit).
    """

    member: int
    raised_us: int
    since_us: int
    answers: int
    baseline: float | None
    ended_us: int | None = None
    named: tuple[str, ...] = ()
    """The checks that fail, where they are the evidence."""
