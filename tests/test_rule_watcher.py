"""When the rules are looked at: live events soon, history once it is there."""

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from answers import rules
from deliveries import batch, new_store, record

from pipeline.alerting.evaluation import evaluator
from pipeline.alerting.watcher import LONGEST_REST_S, PAST_S, QUIET_S, RuleWatcher

BEGAN = datetime(2026, 1, 5, tzinfo=UTC)
LOW = "  - {name: low, kind: threshold, metric: csat, by: channel, span: 15m, below: 0.7}\n"
SETTLED = (
    "  - {name: worse, kind: change, metric: fcr_settled, by: channel, "
    "false_alarm_every: 90d, fall: {odds: 2}}\n"
)
LIVE_S, HISTORY_S = PAST_S / 2, 100 * PAST_S


class Watched:
    """A watcher, seconds that pass as they are told to, and bad answers that come."""

    def __init__(self, store, path, behind_s: float, wanted: str = LOW) -> None:
        self.seconds, self._store, self._hours = 0.0, store, count()
        self._watcher = RuleWatcher(
            store,
            rules(path, wanted).rules,
            lambda: (store.latest_occurrence() or BEGAN) + timedelta(seconds=behind_s),
            cpu=lambda: 0.0,
            monotonic=lambda: self.seconds,
        )

    def come(self) -> None:
        """Fifty bad answers, an hour later than those before."""
        hour = next(self._hours)
        at = BEGAN + timedelta(hours=hour)
        values = [record(f"{hour}-{n}", at + timedelta(seconds=n), "survey", csat=1) for n in range(50)]
        self._store.ingest([batch(values, start=50 * hour)], BEGAN)

    def come_back(self) -> None:
        """Ten customers, a day after they came before: those contacts are not resolved any more."""
        day = next(self._hours)
        at = BEGAN + timedelta(days=day)
        values = [record(f"{day}-{n}", at + timedelta(seconds=n), customer_id=f"k{n}") for n in range(10)]
        self._store.ingest([batch(values, start=10 * day)], BEGAN)

    def looks(self) -> bool:
        """Does a step, a second after the last one, look at anything?"""
        self.seconds += 1
        before = self._watcher._looked
        self._watcher.step()
        return self._watcher._looked != before

    def says(self) -> int:
        """How many rows are in `flips` after a step; the next is a second later."""
        assert self._watcher.step() == 1
        self.seconds += 1
        with self._store.reading() as con:
            return con.execute("select count(*) from flips").fetchall()[0][0]


@pytest.fixture
def watched(request, tmp_path):
    with new_store(tmp_path / "x.duckdb") as store:
        found = Watched(store, tmp_path, request.param)
        found.come()
        yield found


@pytest.mark.parametrize("watched", [LIVE_S], indirect=True)
def test_live_events_are_looked_at_each_second(watched):
    before = watched.says()
    for _ in range(5):
        watched.come()
        after = watched.says()
        assert after > before
        before = after


@pytest.mark.parametrize("watched", [HISTORY_S], indirect=True)
def test_while_history_comes_it_is_looked_at_at_the_longest_rest(watched):
    before = watched.says()
    assert before > 0
    while watched.seconds < LONGEST_REST_S:
        watched.come()
        assert watched.says() == before
    assert watched.says() > before


@pytest.mark.parametrize("watched", [HISTORY_S], indirect=True)
def test_history_that_comes_no_more_is_looked_at_soon(watched):
    before = watched.says()
    watched.come()
    while watched.seconds < 1 + QUIET_S:
        assert watched.says() == before
    assert watched.says() > before


def test_history_that_takes_several_stretches_is_got_through_and_then_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluator, "MANY_FACTS", 1)  # a day
    monkeypatch.setattr(evaluator, "FEW_FACTS", 0)
    with new_store(tmp_path / "x.duckdb") as store:
        watched = Watched(store, tmp_path, timedelta(days=20).total_seconds(), SETTLED)
        for _ in range(10):
            watched.come_back()
        looked = []
        for _ in range(int(LONGEST_REST_S)):
            looked.append(watched.looks())
            watched.come_back()
        assert 9 < looked.index(False) < 20
        assert not any(looked[looked.index(False) :])
