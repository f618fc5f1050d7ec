"""Rules of kind silence, and an independent judge: whatever comes, whenever it is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from answers import DAY, MONDAY, standing
from deliveries import NOW, batch, emptied, in_memory, record
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_alerts import life
from oracle_silence import HOUR, MICROSECOND, silence_seen

from pipeline.alerting.clocked import SilenceRule
from pipeline.alerting.rules import Rules, Silence
from pipeline.alerting.said import us_of
from pipeline.alerting.watcher import RuleWatcher
from pipeline.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MINUTE = timedelta(minutes=1)
STEPS = (0 * MINUTE, timedelta(seconds=1), 7 * MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 12 * DAY, 33 * DAY)
ROUNDING = timedelta(milliseconds=1)
HOLDS: Sequence[dict[str, str]] = ({}, {}, {"for": "2h"}, {"keep_firing_for": "6h"})
MEMBERS = {"all": ("all",), "channel": ("phone", "chat"), "source": ("crm",)}


@pytest.fixture(scope="module")
def con() -> Iterator[Any]:
    with in_memory() as found:
        yield found


@dataclass(frozen=True)
class Event:
    at: datetime
    channel: str | None
    known: int
    """The look before which it comes."""

    def as_bytes(self, name: str) -> bytes:
        """A contact; what has no channel is a reopen."""
        if self.channel:
            return record(name, self.at, channel=self.channel)
        return record(name, self.at, "reopen", contact_id="another", channel=None)


@dataclass(frozen=True)
class Past:
    """Events, the moments at which somebody looks, and after which looks the worker is started anew."""

    events: Sequence[Event]
    looks: Sequence[datetime]
    restarts: frozenset[int]

    def of(self, by: str, member: str, look: int) -> list[datetime]:
        known = [each for each in self.events if each.known <= look]
        return sorted(each.at for each in known if by != "channel" or each.channel == member)


@st.composite
def pasts(draw: st.DrawFn) -> Past:
    """Weeks of working hours, then some events as Hypothesis likes them, some of them known late."""
    rng = Random(draw(st.integers(0, 99)))  # noqa: S311 - seeded, to be the same every time
    days, an_hour = draw(st.sampled_from((0, 7, 7, 8, 20, 36))), draw(st.sampled_from((1, 4)))
    looks = [MONDAY + days * DAY + 8 * HOUR]
    for _ in range(draw(st.integers(1, 7))):
        looks.append(looks[-1] + draw(st.sampled_from(STEPS)))
    events = [*weeks(rng, days, an_hour)]
    for _ in range(draw(st.integers(0, 10))):
        look = draw(st.integers(0, len(looks) - 1))
        at = looks[look] - draw(st.sampled_from(STEPS)) - rng.randrange(3600) * timedelta(seconds=1)
        late = draw(st.sampled_from((0, 0, 1, 2)))
        events.append(Event(at, draw(st.sampled_from(("phone", "chat", None))), look + late))
    rng.shuffle(events)
    return Past(events, looks, frozenset(draw(st.sets(st.integers(0, 7), max_size=3))))


def weeks(rng: Random, days: int, an_hour: int) -> Iterator[Event]:
    for day in range(days):
        for hour in (8, 9, 13, 20) if day % 7 < 5 else (11,):
            for _ in range(rng.randint(an_hour // 2, 2 * an_hour)):
                at = MONDAY + day * DAY + hour * HOUR + rng.randrange(3_600_000) * timedelta(milliseconds=1)
                yield Event(at, rng.choice(("phone", "phone", "chat")), 0)


def found(con: Any, past: Past, rule: Silence) -> list[tuple[str, str, datetime, datetime]]:
    """What is said by one who looks at these moments."""
    store, seconds = Store(emptied(con)), iter(range(0, 10**9, 60))
    start = 0

    def new(clock: datetime) -> RuleWatcher:
        return RuleWatcher(store, [rule], lambda: clock, monotonic=lambda: float(next(seconds)))

    watcher = new(past.looks[0])
    for look, now in enumerate(past.looks):
        came = [each for each in past.events if each.known == look]
        values = [each.as_bytes(f"{start + n}") for n, each in enumerate(came)]
        if values:
            store.ingest([batch(values, start=start)], NOW)
            start += len(values)
        watcher.record(now)
        if look in past.restarts:
            watcher = new(now)
    return sorted((each.member, each.state, each.at, each.since) for each in standing(store))


def judged(past: Past, rule: Silence) -> list[tuple[str, str, datetime, datetime]]:
    flips = []
    for member in MEMBERS[rule.by]:
        looks = [(now, past.of(rule.by, member, look)) for look, now in enumerate(past.looks)]
        flips += life(rule, member, silence_seen(looks, rule), past.looks[-1])
    return sorted((each.member, each.state, each.occurred_at, each.since) for each in flips)


def silence(**words: str) -> Silence:
    (rule,) = Rules.model_validate({"rules": [{"name": "quiet", "kind": "silence", **words}]}).rules
    assert isinstance(rule, Silence)
    return rule


def alike(ours: Sequence[tuple[Any, ...]], theirs: Sequence[tuple[Any, ...]]) -> bool:
    """The same but for the rounding of a moment that was reckoned."""
    return [(*each[:2], each[3]) for each in ours] == [(*each[:2], each[3]) for each in theirs] and all(
        abs(one[2] - other[2]) < ROUNDING for one, other in zip(ours, theirs, strict=True)
    )


@settings(max_examples=40, deadline=None)
@given(
    pasts(),
    st.sampled_from(("usual", "usual", "1h", "5h", "2d", "30d")),
    st.sampled_from(sorted(MEMBERS)),
    st.sampled_from(HOLDS),
)
def test_silence_is_what_a_judge_finds_who_looks_at_the_same_moments(
    con: Any, past: Past, after: str, by: str, hold: dict[str, str]
) -> None:
    rule = silence(after=after, by=by, **hold)
    if rule.keep_firing_for:  # a silence between two others of one alert is not remembered over a restart
        past = Past(past.events, past.looks, frozenset())
    ours, theirs = found(con, past, rule), judged(past, rule)
    assert alike(ours, theirs), (ours, theirs)


def flips(con: Any, past: Past, **words: str) -> list[tuple[str, timedelta]]:
    rule = silence(by="all", **words)
    ours = found(con, past, rule)
    assert alike(ours, judged(past, rule))
    return sorted(((state, at - MONDAY) for _, state, at, _ in ours), key=lambda each: each[1])


def at(*hours: float, known: int = 0) -> list[Event]:
    return [Event(MONDAY + hour * HOUR, "phone", known) for hour in hours]


def test_a_time_may_be_longer_than_four_weeks(con: Any) -> None:
    past = Past(at(0), [MONDAY + 40 * DAY, MONDAY + 41 * DAY], frozenset())
    assert flips(con, past, after="40d") == [("firing", 40 * DAY)]


def test_an_unusual_silence_lasts_for_months(con: Any) -> None:
    hourly = at(*range(14 * 24))
    looks = [MONDAY + 14 * DAY, *(MONDAY + days * DAY for days in (16, 30, 38, 44, 200))]
    assert [state for state, _ in flips(con, Past(hourly, looks, frozenset({2, 4})))] == ["firing"]


def test_a_silence_that_began_before_anybody_looked_is_told_when_somebody_does(con: Any) -> None:
    for after in ("2h", "usual"):
        past = Past(at(*range(14 * 24)), [MONDAY + 100 * DAY], frozenset())
        assert [state for state, _ in flips(con, past, after=after)] == ["firing"]


def test_a_silence_ends_with_its_next_event_however_many_came_before_anybody_looked(con: Any) -> None:
    past = Past(at(0) + at(5, 6, 7, 8, known=1), [MONDAY + 3 * HOUR, MONDAY + 8 * HOUR], frozenset({0}))
    assert flips(con, past, after="2h") == [("firing", 2 * HOUR), ("resolved", 5 * HOUR)]


def test_what_was_told_to_fire_ends_although_an_event_that_comes_late_disproves_it(con: Any) -> None:
    looks = [MONDAY + 4 * HOUR, MONDAY + 4.5 * HOUR]
    past = Past(at(0) + at(2.5, known=1), looks, frozenset())
    *_, (state, ended) = flips(con, past, after="2h", **{"for": "1h"})
    assert (state, ended) == ("resolved", 3 * HOUR + MICROSECOND)


def test_an_event_that_comes_late_and_disproves_a_silence_ends_it_at_its_very_beginning(con: Any) -> None:
    past = Past(at(0) + at(1.5, known=1), [MONDAY + 2.5 * HOUR, MONDAY + 3 * HOUR], frozenset())
    assert flips(con, past, after="2h") == [
        ("firing", 2 * HOUR),
        ("resolved", 2 * HOUR + MICROSECOND),
    ]


def test_what_is_disproved_while_it_is_pending_ends_no_earlier_than_it_began(con: Any) -> None:
    past = Past(at(0) + at(1.5, known=1), [MONDAY + 2.5 * HOUR, MONDAY + 3 * HOUR], frozenset())
    assert flips(con, past, after="2h", **{"for": "1h"}) == [("pending", 2 * HOUR), ("resolved", 2 * HOUR)]


class Noting:
    """A connection that remembers how often weeks of events were read."""

    def __init__(self, con: Any) -> None:
        self._con = con
        self.read = 0

    def execute(self, query: str, *parameters: Any) -> Any:
        self.read += "$lasts" in query
        return self._con.execute(query, *parameters)


def test_weeks_of_events_are_read_again_only_for_those_of_whom_something_came(con: Any) -> None:
    store, noting, rule = Store(emptied(con)), Noting(con), SilenceRule(silence())
    for start, come, read in ((0, 1, 1), (1, 0, 1), (1, 1, 2)):
        if come:
            store.ingest([batch([record(f"e{start}", MONDAY + start * HOUR)], start=start)], NOW)
        rule.look(noting, us_of(MONDAY + DAY))  # type: ignore[arg-type]
        assert noting.read == read


def test_many_pasts_have_a_silence() -> None:
    counted: list[int] = []

    @settings(max_examples=200, deadline=None, derandomize=True, database=None)
    @given(pasts(), st.sampled_from(("usual", "5h")))
    def count(past: Past, after: str) -> None:
        counted.append(sum(state == "resolved" for _, state, *_ in judged(past, silence(after=after))))

    count()
    assert sum(bool(each) for each in counted) > len(counted) / 10
