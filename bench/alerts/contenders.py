"""Who is compared: each detector, its threshold set so that it alarms once in 10,000 healthy answers."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from bench.alerts import river_detectors
from bench.alerts.detectors import Cusum, Detector, Ewma, Window
from bench.alerts.streams import answers_between_alarms, bisected, nearest
from pipeline.detection.design import chart_for

HEALTHY = 0.15
EVERY = 10_000
ODDS_RATIO = 2.0


@dataclass(frozen=True)
class Contender:
    """A detector of so many streams, ready to be made, and how often it was found to alarm when healthy."""

    name: str
    make: Callable[[int], Detector]
    every: float
    streams: int
    drawn: bool = False


@dataclass(frozen=True)
class Effort:
    """How much is simulated: streams of vectorised detectors, streams of river's, answers of each."""

    streams: int = 2_000
    river_streams: int = 400
    answers: int = 20_000


def contenders(effort: Effort) -> Iterator[Contender]:
    """firsthand's first; last those that are left as they usually are."""
    yield _cusum(effort, 2.0)
    yield _cusum(effort, 1.5)
    yield _ewma(effort, 0.01)
    yield _ewma(effort, 0.05)
    yield _window(effort, 500)
    yield _window(effort, 100)
    yield _window(effort, 20)
    yield _held(effort)
    yield _page_hinkley(effort, 0.05, 30)
    yield _page_hinkley(effort, 0.005, 200)
    yield _adwin(effort)
    yield _river("river ADWIN, delta 0.002 (its default)", effort, _usual_adwin, drawn=False)
    yield _river("river PageHinkley, 0.005 and 50 (its default)", effort, _usual_page_hinkley, drawn=False)
    yield _found("last 20, at or below 70 % (as usual)", effort, lambda n: Window(n, 20, 6), drawn=False)


def _usual_adwin(streams: int) -> Detector:
    return river_detectors.adwin(streams, 0.002)


def _usual_page_hinkley(streams: int) -> Detector:
    return river_detectors.page_hinkley(streams, 0.005, 50)


def _found(name: str, effort: Effort, make: Callable[[int], Detector], *, drawn: bool) -> Contender:
    every = answers_between_alarms(make(effort.streams), effort.streams, HEALTHY, effort.answers)
    return Contender(name, make, every, effort.streams, drawn)


def _cusum(effort: Effort, odds_ratio: float) -> Contender:
    chart = chart_for((1 - HEALTHY, HEALTHY), math.log(odds_ratio), EVERY)
    name = f"**firsthand**, for odds times {odds_ratio:g}, limit computed"
    return _found(name, effort, lambda n: Cusum(n, chart), drawn=odds_ratio == ODDS_RATIO)


def _ewma(effort: Effort, weight: float) -> Contender:
    def every(limit: float) -> float:
        detector = Ewma(effort.streams, HEALTHY, weight, limit)
        return answers_between_alarms(detector, effort.streams, HEALTHY, effort.answers)

    limit = bisected(every, HEALTHY, HEALTHY + 3 * math.sqrt(weight), EVERY, steps=9)
    name = f"EWMA, weight {weight:g}, limit {100 * limit:.1f} % dissatisfied"
    return _found(name, effort, lambda n: Ewma(n, HEALTHY, weight, limit), drawn=weight < 0.05)


def _window(effort: Effort, about: int) -> Contender:
    def every(size: int, most: int) -> float:
        return answers_between_alarms(
            Window(effort.streams, size, most), effort.streams, HEALTHY, effort.answers
        )

    spread = math.sqrt(about * HEALTHY * (1 - HEALTHY))
    most = round(HEALTHY * about + 2 * spread)
    while every(about, most) < EVERY:
        most += 1
    size = nearest(lambda size: every(size, most), about, EVERY, rising=False)
    name = f"last {size}, at or below {100 * (size - most) / size:.0f} %"
    return _found(name, effort, lambda n: Window(n, size, most), drawn=True)


def _held(effort: Effort) -> Contender:
    def every(held: int) -> float:
        return answers_between_alarms(
            Window(effort.streams, 20, 6, held), effort.streams, HEALTHY, effort.answers
        )

    held = nearest(every, 20, EVERY, rising=True)
    name = f"last 20, at or below 70 %, `for` {held} answers"
    return _found(name, effort, lambda n: Window(n, 20, 6, held), drawn=True)


def _page_hinkley(effort: Effort, delta: float, highest: float) -> Contender:
    def make(threshold: float, streams: int) -> Detector:
        return river_detectors.page_hinkley(streams, delta, threshold)

    threshold = bisected(partial(_river_every, effort, make), 0, highest, EVERY, steps=8)
    name = f"river PageHinkley, delta {delta:g}, threshold {threshold:.1f}"
    return _river(name, effort, partial(make, threshold), drawn=delta > 0.01)


def _adwin(effort: Effort) -> Contender:
    def make(nats: float, streams: int) -> Detector:
        return river_detectors.adwin(streams, math.exp(-nats))

    nats = bisected(partial(_river_every, effort, make), -1, 6, EVERY, steps=7)
    return _river(f"river ADWIN, delta {math.exp(-nats):.2g}", effort, partial(make, nats), drawn=True)


def _river_every(effort: Effort, make: Callable[[float, int], Detector], threshold: float) -> float:
    detector = make(threshold, effort.river_streams)
    return answers_between_alarms(detector, effort.river_streams, HEALTHY, effort.answers)


def _river(name: str, effort: Effort, make: Callable[[int], Detector], *, drawn: bool) -> Contender:
    every = answers_between_alarms(make(effort.river_streams), effort.river_streams, HEALTHY, effort.answers)
    return Contender(name, make, every, effort.river_streams, drawn)
