"""What follows a contact: invitations, answered surveys, and reopened cases."""

import numpy as np

from pipeline.simulated.calendar import DAY, HOUR, MINUTE, SECOND
from pipeline.simulated.contacts import (
    ABANDONED,
    ESCALATED,
    HUMAN,
    OUTBOUND,
    RESOLVED,
    TRANSFERRED,
    UNRESOLVED,
    skill,
)
from pipeline.simulated.draws import Draws, Flags, Ints, skewed
from pipeline.simulated.rows import (
    ABSENT,
    ANSWERS,
    DETAILS,
    INVITATION,
    NO_ANSWER,
    REOPEN,
    SURVEY,
    Rows,
    about,
)
from pipeline.simulated.world import DESKS, GRIPES, PRAISE, REASONS, SHRUGS

_MOOD_BY_OUTCOME = np.array([0, 350, -1_050, -550, -650, -1_300])
_SOLVED_SHARE = np.array([0.75, 0.92, 0.1, 0.5, 0.2, 0.03])  # who says: solved at the first contact
_LABOUR = np.array([0, *(reason.labour for reason in REASONS)])
_WARMTH = np.array([0, *(reason.warmth for reason in REASONS)])
_USUAL_WAIT = np.array([desk.wait_ms for desk in DESKS], dtype=np.int64)
_ANSWER_DELAY = np.array([skewed(1.6)])

_CSAT_STEPS = np.array([-1_500, -1_050, -500, 450])
_EFFORT_STEPS = np.array([-1_700, -1_250, -850, -400, 100, 800])
_FRIENDLINESS_STEPS = np.array([-1_500, -1_050, -450, 350])
_NPS_STEPS = np.array([-2_100, -1_900, -1_700, -1_500, -1_250, -1_000, -700, -300, 150, 650])
_ASKED = {"csat": 0.82, "effort": 0.7, "nps": 0.3, "friendliness": 0.55, "resolved": 0.65}


class Aftermath:
    """The events that contacts lead to, drawn from one row of dice."""

    def __init__(self, draws: Draws) -> None:
        self._draws = draws

    def follow(self, contacts: Rows, troubled: Flags, comes_back: Flags) -> list[Rows]:
        """Invitations, surveys and reopens of these contacts.

        `troubled`: met by the incident; `comes_back`: the customer will be in touch about the same.
        """
        invitations, invited = self._invitations(contacts)
        answered = self._answer(contacts, invited)
        surveys = self._surveys(contacts[answered], troubled[answered], comes_back[answered])
        return [invitations, surveys, self._reopens(contacts)]

    def _invitations(self, contacts: Rows) -> tuple[Rows, Flags]:
        share = np.where(contacts["outcome"] == ABANDONED, 0.06, 0.5)
        share = np.where(contacts["direction"] == OUTBOUND, 0.15, share)
        invited = self._draws.happens(share, len(contacts))
        rows = about(contacts[invited], INVITATION)
        served = np.maximum(contacts["wait_ms"], 0) + np.maximum(contacts["handle_ms"], 0)
        rows["at"] += served[invited] + self._draws.between(20 * SECOND, 30 * MINUTE, len(rows))
        self._leave_out(rows, loose=0.01)
        return rows, invited

    def _answer(self, contacts: Rows, invited: Flags) -> Flags:
        """Who answers: the angry somewhat more readily, hardly anyone without an invitation."""
        eager = np.isin(contacts["outcome"], (UNRESOLVED, ESCALATED))
        return self._draws.happens(np.where(invited, np.where(eager, 0.44, 0.36), 0.005), len(contacts))

    def _surveys(self, contacts: Rows, troubled: Flags, comes_back: Flags) -> Rows:
        rows = about(contacts, SURVEY)
        served = np.maximum(contacts["wait_ms"], 0) + np.maximum(contacts["handle_ms"], 0)
        usual = np.full(len(rows), 50 * MINUTE, dtype=np.int64)
        rows["at"] += served + MINUTE + np.minimum(self._delays(usual), 5 * DAY)
        mood = self._mood(contacts, troubled)
        self._rate(rows, contacts, mood, troubled)
        self._say_whether_solved(rows, contacts, comes_back)
        self._skip_questions(rows)
        self._comment(rows, mood)
        self._leave_out(rows, loose=0.04)
        return rows

    def _delays(self, medians: Ints) -> Ints:
        return self._draws.stretch(medians, _ANSWER_DELAY, np.zeros(len(medians), dtype=np.int64))

    def _mood(self, contacts: Rows, troubled: Flags) -> Ints:
        """How the contact went for the customer, in thousandths of a standard deviation."""
        waited = 10 * np.maximum(contacts["wait_ms"], 0) // _USUAL_WAIT[contacts["channel"]]
        mood = 250 + self._draws.noise(650, len(contacts)) + _MOOD_BY_OUTCOME[contacts["outcome"]]
        mood = mood + skill(contacts["agent"].astype(np.int64)) - np.minimum(6 * waited, 700)
        return np.asarray(mood - np.where(troubled, 600, 0))

    def _rate(self, rows: Rows, contacts: Rows, mood: Ints, troubled: Flags) -> None:
        draws, count, reason = self._draws, len(rows), contacts["reason"]
        labour = _LABOUR[reason] + np.where(contacts["outcome"] == TRANSFERRED, 400, 0)
        labour = labour + np.where(troubled, 350, 0)
        ease = mood - labour + draws.noise(550, count)
        person = 350 + mood * 3 // 10 + _WARMTH[reason] + skill(contacts["agent"].astype(np.int64))
        rows["csat"] = 1 + np.searchsorted(_CSAT_STEPS, mood - labour // 5 + draws.noise(350, count))
        rows["effort"] = 1 + np.searchsorted(_EFFORT_STEPS, ease)
        rows["nps"] = np.searchsorted(_NPS_STEPS, mood * 4 // 5 + draws.noise(800, count))
        rows["friendliness"] = 1 + np.searchsorted(_FRIENDLINESS_STEPS, person + draws.noise(650, count))
        rows["friendliness"][contacts["handler"] != HUMAN] = NO_ANSWER

    def _say_whether_solved(self, rows: Rows, contacts: Rows, comes_back: Flags) -> None:
        share = _SOLVED_SHARE[contacts["outcome"]] * np.where(comes_back, 0.4, 1.0)
        rows["resolved"] = self._draws.happens(share, len(rows))

    def _skip_questions(self, rows: Rows) -> None:
        """Most surveys hold some of the answers only, and each at least one."""
        kept = {name: self._draws.happens(_ASKED[name], len(rows)) & (rows[name] >= 0) for name in ANSWERS}
        kept["csat"] |= ~np.logical_or.reduce(list(kept.values()))
        for name in ANSWERS:
            rows[name] = np.where(kept[name], rows[name], NO_ANSWER)

    def _comment(self, rows: Rows, mood: Ints) -> None:
        """Pick a saying's number, from 1, PRAISE then SHRUGS then GRIPES, by how the contact went."""
        sizes = np.array([len(GRIPES), len(SHRUGS), len(PRAISE)], dtype=np.int64)
        starts = np.array([1 + len(PRAISE) + len(SHRUGS), 1 + len(PRAISE), 1], dtype=np.int64)
        group = np.searchsorted(np.array([-700, 200]), mood)
        saying = starts[group] + self._draws.below(sizes[group], len(rows))
        rows["comment"] = np.where(self._draws.happens(0.22, len(rows)), saying, ABSENT)

    def _leave_out(self, rows: Rows, loose: float) -> None:
        """Most events leave to their contact what it knows; those that name no contact say it themselves."""
        draws, count = self._draws, len(rows)
        unbound = draws.happens(loose, count)
        rows["contact"][unbound] = 0
        told = draws.happens(np.where(unbound, 0.8, 0.12), count)
        for name in DETAILS:
            rows[name] = np.where(told, rows[name], ABSENT)

    def _reopens(self, contacts: Rows) -> Rows:
        """Cases thought to be solved that were not: hours to ten days later, some past the follow-up."""
        reopened = self._draws.happens(np.where(contacts["outcome"] == RESOLVED, 0.025, 0.004), len(contacts))
        rows = about(contacts[reopened], REOPEN)
        rows["at"] += self._draws.between(6 * HOUR, 10 * DAY, len(rows))
        return rows
