"""What is said where an alert moves, ends and goes on after all: which of its rows stand."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from answers import standing
from deliveries import emptied, in_memory

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.record import Recorder
from pipeline.alerting.rules import Rules
from pipeline.alerting.said import us_of
from pipeline.store import Store

NINE = datetime(2026, 11, 9, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
FEWER = {"name": "fewer", "kind": "drop", "metric": "contacts", "span": "1h", "by_more_than": 0.3}
UNTIL = NINE + 9 * HOUR
HELD = FEWER | {"for": "2h"}


def bad(raised: float, ended: float | None) -> Condition:
    """From one hour after nine to another; None: still."""
    ended_us = None if ended is None else us_of(NINE + ended * HOUR)
    begin = NINE + raised * HOUR
    return Condition(1, us_of(begin), us_of(begin - HOUR), 5, 0.7, ended_us)


LOOKS = [bad(0, None), bad(0, 2), bad(1, None), bad(1, 4), bad(7, None), bad(7.5, None)]
"""What may be found of the same alert, one after the other, while events come late."""


@pytest.fixture(scope="module")
def con():
    with in_memory() as found:
        yield found


class Spoken:
    """What a recorder says of the conditions that it is handed, one after the other."""

    def __init__(self, con, rule, looks, *, restarts=False) -> None:
        self._con, self._rules = con, Rules.model_validate({"rules": [rule]}).rules
        store = Store(emptied(con))
        recorder = Recorder(self._rules, con)
        for each in looks:
            recorder.record(con, {"fewer": [each]}, us_of(UNTIL), UNTIL, lambda: {1: "all"})
            if restarts:
                recorder = Recorder(self._rules, con)
        self.standing = [each[2:] for each in standing(store)]
        self.rows = self._asked("flip, state, revises is null from flips order by number")
        self.shown = self._asked(
            "state, began_at, firing_at, ended_at from alerts where state <> 'retracted'"
        )

    def _asked(self, what: str) -> list[tuple[object, ...]]:
        return self._con.execute(f"select {what}").fetchall()


@pytest.mark.parametrize("rule", [FEWER, HELD], ids=["at once", "held"])
@pytest.mark.parametrize("restarts", [False, True], ids=["one run", "restarts"])
def test_the_rows_that_stand_tell_what_was_found_last_and_nothing_of_before(con, rule, restarts):
    as_first = {each: Spoken(con, rule, [each]) for each in LOOKS}
    for looks in permutations(LOOKS, 3):
        spoken, expected = Spoken(con, rule, looks, restarts=restarts), as_first[looks[-1]]
        assert (spoken.standing, spoken.shown) == (expected.standing, expected.shown), looks


def test_what_ended_and_goes_on_is_said_in_one_row_which_replaces_the_end(con):
    spoken = Spoken(con, HELD, [bad(0, 2), bad(0, None)])
    assert [row[1:] for row in spoken.rows] == [("pending", True), ("resolved", True), ("firing", False)]


@pytest.mark.parametrize("rule", [FEWER, HELD], ids=["at once", "held"])
def test_an_end_that_is_taken_back_and_said_again_is_another_row_and_stands(con, rule):
    spoken = Spoken(con, rule, [bad(0, 3), bad(0, None), bad(0, 3)])
    assert len({flip for flip, *_ in spoken.rows}) == len(spoken.rows)
    assert spoken.standing[-1][0] == spoken.shown[0][0] == "resolved"
