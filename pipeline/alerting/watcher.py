"""The thread that keeps `flips` current beside the worker, and the same in one go after a replay."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Protocol

import duckdb
from duckdb import DuckDBPyConnection

from pipeline.alerting.clocked import SilenceRule
from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evaluation.evaluator import Evaluator
from pipeline.alerting.record import Recorder, us_of
from pipeline.alerting.rules import AnyRule, Rules, Silence
from pipeline.connection import transaction

EVERY_S = 1.0
DUTY = 0.1
"""The share of one core that it may take, once it has caught up with history or not."""
SILENCE_EVERY_S = 10.0


class Store(Protocol):
    """What it needs of a database."""

    def beside(self) -> AbstractContextManager[DuckDBPyConnection]:
        """A connection of its own to write tables by that nobody else writes."""


class Watcher:
    """Finds what the rules look for, and says it. `step` does a part and gives the seconds to rest."""

    def __init__(
        self,
        store: Store,
        rules: Sequence[AnyRule],
        clock: Callable[[], datetime],
        *,
        with_clock: bool = True,
        cpu: Callable[[], float] = time.thread_time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._cpu = cpu
        self._monotonic = monotonic
        with store.beside() as con:
            self._evaluator = Evaluator(rules, con)
            self._recorder = Recorder(rules, con)
            silences = [each for each in rules if isinstance(each, Silence)] if with_clock else []
            self._silences = {each.name: SilenceRule(each) for each in silences}
            self._go_on(con)
        self._silence_due = monotonic()
        self._ended = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="watching", daemon=True)

    def step(self) -> float:
        """Come nearer to now, and say what is new once there is nothing between."""
        began = self._cpu()
        now = self._clock()
        more = self.advance(now)
        if not more:
            self._record(now)
        rest = (self._cpu() - began) * (1 / DUTY - 1)
        return rest if more else max(rest, EVERY_S)

    def advance(self, until: datetime) -> bool:
        """One stretch of events further; is there more?"""
        with self._store.beside() as con, transaction(con):
            return self._evaluator.step(con, us_of(until))

    def finish(self, until: datetime) -> None:
        """Find and say all there is to this moment."""
        while self.advance(until):
            pass
        self._record(until)

    def _record(self, now: datetime) -> None:
        with self._store.beside() as con, transaction(con):
            found = self._evaluator.found() | self._silent(con, us_of(now))
            names = dict(con.execute("select number, name from internal.names").fetchall())
            try:
                self._recorder.record(con, found, us_of(now), now, names)
            except BaseException:
                self._recorder = Recorder(self._rules, con)
                raise

    def _silent(self, con: DuckDBPyConnection, now_us: int) -> dict[str, list[Condition]]:
        if self._monotonic() >= self._silence_due:
            self._silence_due = self._monotonic() + SILENCE_EVERY_S
            for rule in self._silences.values():
                rule.look(con, now_us)
        return {name: rule.conditions() for name, rule in self._silences.items()}

    def _go_on(self, con: DuckDBPyConnection) -> None:
        """With silences that an earlier run said and that last."""
        numbers = {name: number for number, name in con.execute("from internal.names").fetchall()}
        for name, rule in self._silences.items():
            held = self._recorder.held(name).items()
            rule.hold([Condition(numbers[who], at, since, 0, None) for who, (at, since) in held])

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """Stop; raises what made it fail."""
        self._ended.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        pause = 0.0
        try:
            while not self._ended.wait(pause):
                pause = self.step()
            self.finish(self._clock())
        except duckdb.Error as error:
            self._failure = error


@contextmanager
def watching_rules(store: Store, rules: Rules, clock: Callable[[], datetime]) -> Iterator[Watcher]:
    """Find and say what the rules look for while the block runs."""
    watcher = Watcher(store, rules.rules, clock)
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.end()


def find_all(store: Store, rules: Rules, until: datetime) -> None:
    """Say in `flips` all that rules find in the events until a moment; not what depends on the clock."""
    Watcher(store, rules.rules, lambda: until, with_clock=False).finish(until)
