"""A Hypothesis strategy: a healthy past, then a few dozen answers, which shrink; and rules to fire."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from histories_of_alerts import DAY, MINUTE, START, History, arrivals_of, cloud_event
from hypothesis import strategies as st
from oracle import CONTACT, SURVEY
from rules_of_alerts import HOLDS

from pipeline.alerting.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from histories import CloudEvent

PAST_DAYS = 17
PAST_A_DAY = 6
SMALL_RULES: Sequence[dict[str, Any]] = (
    {"kind": "change", "metric": "csat", "by": "all", "false_alarm_every": "50 answers", "fall": {"odds": 8}},
    {
        "kind": "change",
        "metric": "csat",
        "by": "reason",
        "false_alarm_every": "20 answers",
        "fall": {"odds": 10},
    },
    {"kind": "change", "metric": "csat", "by": "channel", "false_alarm_every": "3d", "fall": {"to": 0.4}},
    {"kind": "change", "metric": "csat_mean", "false_alarm_every": "50 answers", "fall": {"to": 3}},
    {"kind": "change", "metric": "wait_mean", "false_alarm_every": "20 answers", "fall": {"odds": 2}},
    {
        "kind": "change",
        "metric": "handle_mean",
        "by": "channel",
        "false_alarm_every": "20 answers",
        "fall": {"to": 30},
    },
    {"kind": "threshold", "metric": "csat", "by": "channel", "span": "24h", "below": 0.7},
    {"kind": "threshold", "metric": "csat", "by": "reason", "span": "1h", "below": 0.9},
    {"kind": "drop", "metric": "csat", "by": "channel", "span": "24h", "by_more_than": 0.1},
    {"kind": "drop", "metric": "contacts", "by": "all", "span": "24h", "by_more_than": 0.1},
    {"kind": "silence", "by": "channel", "after": "1d"},
)
STEPS = (0, 0, 0, 1, 7, 60, 60 * 6, 60 * 24)
"""Minutes from one answer to the next."""
SECONDS = (0, 0.001, 5, 9.5, 30, 30, 600, 10_000_000)
"""What a contact may take: nothing, about what it used to, more, and over night."""


@st.composite
def small_histories(draw: st.DrawFn) -> History:
    """A healthy past (one answer in five is bad), then up to forty answers as Hypothesis likes them."""
    events = [*past(draw(st.sampled_from((2, 5, 5))))]
    at = START + PAST_DAYS * DAY + draw(st.integers(0, 5)) * DAY
    for number in range(draw(st.integers(1, 40))):
        at += draw(st.sampled_from(STEPS)) * MINUTE
        events += small_answer(draw, number, at)
    events.sort(key=lambda event: event["time"])
    rules = draw(st.lists(st.sampled_from(SMALL_RULES), min_size=1, max_size=3))
    named = [{"name": f"r{n}", **draw(st.sampled_from(HOLDS)), **each} for n, each in enumerate(rules)]
    after = draw(st.sampled_from((timedelta(0), DAY, 8 * DAY, -DAY)))
    rng = Random(draw(st.integers(0, 99)))  # noqa: S311 - seeded, to be the same every time
    return History(events, arrivals_of(events, rng), Rules.model_validate({"rules": named}), at + after)


def past(one_bad_in: int) -> Iterable[CloudEvent]:
    for number in range(PAST_DAYS * PAST_A_DAY):
        at = START + number // PAST_A_DAY * DAY + (9 + number % PAST_A_DAY) * timedelta(hours=1)
        csat, seconds = 2 if number % one_bad_in == 0 else 5, number * 7 % one_bad_in * 3
        yield from answer(f"p{number}", at, at, csat, "phone", "billing", seconds)


def small_answer(draw: st.DrawFn, number: int, at: datetime) -> Iterable[CloudEvent]:
    csat = draw(st.sampled_from((1, 1, 1, 5, 3)))
    reason = draw(st.sampled_from(("billing", "billing", None)))
    asked = at + draw(st.sampled_from((0, 0, 0, 0, 60, 60 * 24))) * MINUTE
    channel, seconds = draw(st.sampled_from(("phone", "phone", "chat"))), draw(st.sampled_from(SECONDS))
    return answer(f"s{number}", at, asked, csat, channel, reason, seconds)


def answer(
    name: str,
    at: datetime,
    contact_at: datetime,
    csat: int,
    channel: str,
    reason: str | None,
    seconds: float,
) -> Iterable[CloudEvent]:
    """A survey, and the contact that it was about, which gives it its reason and may be dated later."""
    common = {"customer_id": name, "contact_id": name, "channel": channel}
    both = {"wait_s": seconds, "handle_s": seconds}
    yield cloud_event(SURVEY, f"{name}-s", at, {**common, "csat": csat})
    yield cloud_event(CONTACT, f"{name}-c", contact_at, {**common, "reason": reason, **both})
