"""The thread that keeps `flips` current beside the worker, and the same in one go after a replay."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Protocol, Self

import duckdb
from duckdb import DuckDBPyConnection

from pipeline.alerting.clocked import SUITES, QualityRule, SilenceRule, member_of
from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.evaluator import Evaluator
from pipeline.alerting.record import Recorder
from pipeline.alerting.rules import AnyRule, Quality, Rules, Silence
from pipeline.alerting.said import us_of
from pipeline.connection import transaction
from pipeline.detection.caution import Learning

EVERY_S = 1.0
DUTY = 0.02
"""The share of one core that it may take: so long it rests after a look, but at most LONGEST_REST_S."""
DUTY_BEHIND = 0.1
"""The same while it has not caught up with history, as after a start."""
LONGEST_REST_S = 30.0
PAST_S = 3600.0
"""Newest events that are so much older than the clock are history, on its way through."""
QUIET_S = 5.0
"""So long after it the newest event is the last one for now: transactions take a second or two."""
FAREWELL_S = 5.0
TRY_AGAIN_S = 15.0
LEARNING_EVERY_S = 10.0
MOST_LEARNING = 20
SILENCE_EVERY_S = 10.0
QUALITY_EVERY_S = 900.0
"""A run of the checks takes seconds of a core, and much memory. The first waits as long."""


Check = Callable[[DuckDBPyConnection], Mapping[str, Sequence[str]]]
"""Runs the checks; the names of those that fail, by suite."""


class Store(Protocol):
    """What it needs of a database."""

    def beside(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection of its own to write tables by that nobody else writes."""

    def latest_occurrence(self) -> datetime | None:
        """The latest accepted `occurred_at`."""


class RuleWatcher:
    """Finds what the rules look for, and says it. `step` does a part and gives the seconds to rest.

    It begins with nothing but what was said: all else follows from the events. Where one of its methods
    raises, make another.
    """

    def __init__(
        self,
        store: Store,
        rules: Sequence[AnyRule],
        clock: Callable[[], datetime],
        *,
        check: Check | None = None,
        with_clock: bool = True,
        cpu: Callable[[], float] = time.thread_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._cpu = cpu
        self._monotonic = monotonic
        silences = [each for each in rules if isinstance(each, Silence)] if with_clock else []
        self._silences = {each.name: SilenceRule(each) for each in silences}
        self._silence_due = monotonic()
        quality = [each for each in rules if isinstance(each, Quality)] if check and with_clock else []
        self._quality = {each.name: QualityRule(each) for each in quality}
        self._quality_due = monotonic() + QUALITY_EVERY_S
        self._check = check
        self._latest: datetime | None = None
        self._moved = self._looked = -math.inf
        self.has_said = False
        with store.beside() as con:
            self._evaluator = Evaluator(rules, con)
            self._recorder = Recorder(rules, con)
            self._go_on(con)

    def step(self) -> float:
        """Come nearer to now, and say what is new once there is nothing between."""
        began = self._cpu()
        now = self._clock()
        if not self._evaluator.is_behind and self._awaits_history(now):
            return EVERY_S
        self._looked = self._monotonic()
        more = self.advance(now)
        if not more:
            self.look_at_quality(now)
            self.record(now)
        rest = (self._cpu() - began) * (1 / (DUTY_BEHIND if more else DUTY) - 1)
        return min(rest if more else max(rest, EVERY_S), LONGEST_REST_S)

    def _awaits_history(self, now: datetime) -> bool:
        """Is history on its way through? It is looked at once it is there, or every LONGEST_REST_S."""
        latest, at = self._store.latest_occurrence(), self._monotonic()
        if latest != self._latest:
            self._latest, self._moved = latest, at
        is_past = latest is not None and latest < now - timedelta(seconds=PAST_S)
        return is_past and at < min(self._moved + QUIET_S, self._looked + LONGEST_REST_S)

    def advance(self, until: datetime) -> bool:
        """One stretch of events further; is there more?"""
        with self._store.beside() as con, transaction(con):
            return self._evaluator.step(con, us_of(until))

    def finish(self, until: datetime) -> None:
        """Find and say all there is to this moment."""
        while self.advance(until):
            pass
        self.record(until)

    def record(self, until: datetime) -> None:
        """Say what is new by this moment."""
        with self._store.beside() as con, transaction(con):
            found = self._evaluator.found() | self._by_clock(con, us_of(until))
            self._recorder.record(con, found, us_of(until), self._clock(), lambda: _names(con))
        self.has_said = True

    def look_at_quality(self, now: datetime) -> None:
        """Run the checks, if that is due; they make a transaction of their own."""
        if self._quality and self._check and self._monotonic() >= self._quality_due:
            with self._store.beside() as con:
                failures = self._check(con)
            self._quality_due = self._monotonic() + QUALITY_EVERY_S
            for rule in self._quality.values():
                rule.look(failures, us_of(now))

    def learning(self) -> dict[str, dict[str, str]]:
        """The members that rules cannot follow yet, by rule, and what is missing."""
        with self._store.beside() as con:
            names = _names(con)
        silences = {name: rule.waiting for name, rule in self._silences.items()}
        return {
            rule: {names[member]: _missing(why) for member, why in members.items()}
            for rule, members in {**self._evaluator.waiting(), **silences}.items()
            if members
        }

    def _by_clock(self, con: DuckDBPyConnection, now_us: int) -> dict[str, list[Condition]]:
        """What silence and quality have come to."""
        if self._monotonic() >= self._silence_due:
            self._silence_due = self._monotonic() + SILENCE_EVERY_S
            for silence in self._silences.values():
                silence.look(con, now_us)
        return {name: rule.conditions() for name, rule in (self._silences | self._quality).items()}

    def _go_on(self, con: DuckDBPyConnection) -> None:
        """With what an earlier run said and what lasts."""
        numbers = {name: number for number, name in _names(con).items()}
        for name, rule in (self._silences | self._quality).items():
            held = self._recorder.held(name).items()
            rule.hold([Condition(numbers[who], at, since, 0, None) for who, (at, since) in held])


def _names(con: DuckDBPyConnection) -> dict[int, str]:
    """The members by number."""
    names = dict(con.execute("select number, name from internal.names").fetchall())
    return names | {member_of(suite): suite for suite in SUITES}


def _missing(why: Learning | str) -> str:
    return f"learning: {why.answers:,} more answers" if isinstance(why, Learning) else why


class Watching:
    """A thread in which a watcher works beside the worker, while a block runs.

    `say` is told when it lacked memory. `failed` is called where it cannot go on, and the block then raises
    what was wrong. `learned`: what rules still learn, in sentences, for people. `is_current`: `flips` says
    what follows from the events, as of a moment ago.
    """

    def __init__(
        self,
        make: Callable[[], RuleWatcher],
        clock: Callable[[], datetime],
        say: Callable[[str], None],
        failed: Callable[[], None],
    ) -> None:
        self._make = make
        self._clock = clock
        self._say = say
        self._failed = failed
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self.learned: list[str] = []
        self.is_current = False

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, error: object, *_: object) -> None:
        """Say what there still is to say, if that is soon done; raise what made it fail."""
        self._ended.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                try:
                    self.is_current = False
                    self._watch(self._make())
                except duckdb.OutOfMemoryException:
                    self._say(
                        "the rules lacked memory, and are tried again; set FIRSTHAND_MEMORY_LIMIT higher"
                    )
                    self._ended.wait(TRY_AGAIN_S)
        except BaseException as error:  # noqa: BLE001 - it is raised by the block that this runs beside
            self._failure = error
            self._failed()

    def _watch(self, watcher: RuleWatcher) -> None:
        pause, look_again = 0.0, time.monotonic()
        while not self._ended.wait(pause):
            pause = watcher.step()
            self.is_current = watcher.has_said
            if time.monotonic() >= look_again:
                look_again = time.monotonic() + LEARNING_EVERY_S
                self.learned = sentences(watcher.learning())
        deadline = time.monotonic() + FAREWELL_S
        now = self._clock()
        while watcher.advance(now):
            if time.monotonic() > deadline:
                return  # the next start goes on
        watcher.record(now)


def sentences(learning: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What rules still learn, a line each, and not all of thousands.

    >>> sentences({"falls": {"phone": "learning: 40 more answers"}})
    ['falls, phone: learning: 40 more answers']
    """
    lines = [
        f"{rule}, {member}: {why}" for rule, members in learning.items() for member, why in members.items()
    ]
    more = [f"and {len(lines) - MOST_LEARNING:,} more"] if len(lines) > MOST_LEARNING else []
    return lines[:MOST_LEARNING] + more


def find_all(store: Store, rules: Rules, recorded_at: datetime) -> None:
    """Say in `flips` all that rules find in the events of a store; not what depends on the clock."""
    until = store.latest_occurrence()
    if until is not None:
        RuleWatcher(store, rules.rules, lambda: recorded_at, with_clock=False).finish(until)
