"""Contacts: who gets in touch about what, how the desk copes, and who has to come back."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.fields import MAX_SECONDS
from pipeline.simulated.calendar import HOUR, MINUTE, SECOND, Calendar, channel_table
from pipeline.simulated.draws import Draws, Flags, Ints, cumulative, skewed
from pipeline.simulated.rows import ABSENT, CONTACT, NO_ANSWER, Rows, about, blank
from pipeline.simulated.world import DESKS, REASONS, SEGMENTS, TEAMS

INBOUND, OUTBOUND = 1, 2
HUMAN, BOT, SELF_SERVICE = 1, 2, 3
RESOLVED, UNRESOLVED, TRANSFERRED, ESCALATED, ABANDONED = 1, 2, 3, 4, 5
_CALLED_FROM_THE_DESK = tuple(desk.channel in {"phone", "email", "chat"} for desk in DESKS)

_RETURN_SHARE = np.array([0.12, 0.07, 0.45, 0.24, 0.38, 0.62])  # by outcome, ABSENT first
_RETURN_SHARE_IN_TROUBLE = np.array([0.35, 0.25, 0.7, 0.5, 0.6, 0.8])
_OUTCOMES_BY_HANDLER = ((40, 825, 35, 70, 30), (50, 560, 200, 170, 20), (60, 740, 200, 0, 0))
_OUTCOMES_IN_TROUBLE = (50, 330, 290, 240, 90)  # ABSENT, RESOLVED, UNRESOLVED, TRANSFERRED, ESCALATED

AGENT_TEAMS = tuple(number for number, team in enumerate(TEAMS, 1) for _ in range(team.agents))
"""The team of each agent; both are counted from 1 elsewhere, and 0 is absent."""


@dataclass(frozen=True)
class Trouble:
    """An incident in the numbers of the simulation: from a moment on, one reason on one channel."""

    begins: int
    channel: int
    reason: int
    wait_factor: int


def _outcome_table() -> Ints:
    """Weights of the outcomes; row = (handler - 1) * (reasons + 1) + reason, trouble comes last."""
    rows = []
    for weights in _OUTCOMES_BY_HANDLER:
        for hard in (5, *(reason.hard for reason in REASONS)):
            absent, resolved, *others = (100 * weight for weight in weights)
            lost = resolved * hard // 100
            rows.append([absent, resolved - lost, others[0] + lost, *others[1:]])
    return cumulative([*rows, list(_OUTCOMES_IN_TROUBLE)])


def _agent_table() -> Ints:
    """Weights of the agents by channel: the earlier in a team, the more hours at the desk."""
    return cumulative(
        [
            [
                10 + place if desk.channel in team.channels else 0
                for team in TEAMS
                for place in range(team.agents, 0, -1)
            ]
            for desk in DESKS
        ]
    )


_CHANNELS = channel_table()
_OUTCOMES = _outcome_table()
_AGENTS = _agent_table()
_TEAM_OF = np.array((0, *AGENT_TEAMS))
_REASONS = np.cumsum(np.array([reason.weight for reason in REASONS], dtype=np.int64))
_SEGMENTS = np.cumsum(np.array([segment.weight for segment in SEGMENTS], dtype=np.int64))
_STAGES = cumulative([[0, 1, 1, 3], *(list(reason.stages) for reason in REASONS)])
_HANDLERS = cumulative([list(desk.handlers) for desk in DESKS])
_CALLED = np.array(_CALLED_FROM_THE_DESK)
_WAITS = np.array([desk.wait_ms for desk in DESKS], dtype=np.int64)
_WAIT_SHAPES = np.array([skewed(desk.wait_sigma) for desk in DESKS])
_HANDLES = np.array([desk.handle_ms for desk in DESKS], dtype=np.int64)
_HANDLE_SHAPES = np.array([skewed(desk.handle_sigma) for desk in DESKS])
_PATIENCE = np.array([desk.patience_s * SECOND for desk in DESKS], dtype=np.int64)


def skill(agent: Ints) -> Ints:
    """How good an agent is, in thousandths of a standard deviation of the answers: -240 to 240.

    >>> skill(np.array([0, 1, 2])).tolist()
    [0, 200, 120]
    """
    return np.where(agent == ABSENT, 0, (agent * 37 % 13 - 6) * 40)


class Population:
    """Customers with their segments; a few are in touch far more often than most (Zipf-Mandelbrot)."""

    def __init__(self, draws: Draws, customers: int) -> None:
        self._draws = draws
        ranks = np.arange(customers, dtype=np.int64) + 10 + customers // 20
        self._often = np.cumsum((1 << 40) // ranks)
        self.segment = (draws.pick(_SEGMENTS, customers) + 1).astype(np.uint8)

    def pick(self, count: int) -> Ints:
        """Draw customers who get in touch, as indices from 0."""
        return self._draws.pick(self._often, count)


class Desks:
    """All channels at work: contacts come in, are answered or not, and some come back."""

    def __init__(self, draws: Draws, calendar: Calendar, customers: int, trouble: Trouble | None) -> None:
        self._draws, self._calendar, self._trouble = draws, calendar, trouble
        self._population = Population(draws, customers)
        self._contacts = 0

    def first_contacts(self, busy: Ints, story: Ints) -> Rows:
        """Contacts of people who were not here before, at those moments of the busy clock."""
        rows = blank(len(busy), CONTACT)
        rows["story"] = story
        rows["customer"] = self._population.pick(len(rows))
        rows["segment"] = self._population.segment[rows["customer"]]
        rows["at"] = self._calendar.moment(busy)
        rows["channel"] = self._channels(rows)
        rows["reason"] = self._draws.pick(_REASONS, len(rows)) + 1
        rows["reason"][self._draws.happens(0.02, len(rows))] = ABSENT
        outbound = self._draws.happens(0.08, len(rows)) & _CALLED[rows["channel"]]
        rows["direction"] = np.where(outbound, OUTBOUND, INBOUND)
        return self._served(rows)

    def come_back(self, contacts: Rows) -> Flags:
        """Whose customers will be in touch about the same again: by outcome, more often in trouble."""
        outcome = contacts["outcome"]
        share = np.where(self.troubled(contacts), _RETURN_SHARE_IN_TROUBLE[outcome], _RETURN_SHARE[outcome])
        share = np.where(contacts["direction"] == INBOUND, share, 0.02)
        return self._draws.happens(share, len(contacts))

    def returns(self, contacts: Rows) -> Rows:
        """Add the next contact after each of these: same customer and reason, perhaps another channel."""
        rows = about(contacts, CONTACT)
        rows["at"] = self._calendar.later(rows["at"], self._until_return(contacts["outcome"]))
        rows = rows[rows["at"] < self._calendar.duration]
        elsewhere = self._draws.happens(0.35, len(rows))
        rows["channel"] = np.where(elsewhere, self._channels(rows), rows["channel"])
        rows["direction"] = INBOUND
        return self._served(rows)

    def troubled(self, contacts: Rows) -> Flags:
        """Which contacts the incident meets."""
        if self._trouble is None:
            return np.zeros(len(contacts), dtype=np.bool_)
        return np.asarray(
            (contacts["at"] >= self._trouble.begins)
            & (contacts["channel"] == self._trouble.channel)
            & (contacts["reason"] == self._trouble.reason)
        )

    def _until_return(self, outcome: npt.NDArray[np.uint8]) -> Ints:
        """Minutes to hours after hanging up, else hours to six days, the first days more likely."""
        days = np.minimum(*(self._draws.between(HOUR, 144 * HOUR, len(outcome)) for _ in range(2)))
        return np.where(outcome == ABANDONED, self._draws.between(2 * MINUTE, 4 * HOUR, len(outcome)), days)

    def _channels(self, rows: Rows) -> Ints:
        hour = self._calendar.hour_of_week(rows["at"])
        return self._draws.choose(_CHANNELS, hour * len(SEGMENTS) + rows["segment"] - 1)

    def _served(self, rows: Rows) -> Rows:
        """Decide for new contacts who answers, how long it takes and how it ends."""
        rows["contact"] = self._contacts + 1 + np.arange(len(rows))
        self._contacts += len(rows)
        self._meet(rows)
        self._take_time(rows)
        self._end(rows)
        return rows

    def _meet(self, rows: Rows) -> None:
        draws, count = self._draws, len(rows)
        handler = draws.choose(_HANDLERS, rows["channel"]) + 1
        rows["handler"] = np.where(rows["direction"] == OUTBOUND, HUMAN, handler)
        agent = np.where(rows["handler"] == HUMAN, draws.choose(_AGENTS, rows["channel"]) + 1, ABSENT)
        rows["team"] = np.where(draws.happens(0.01, count), ABSENT, _TEAM_OF[agent])
        rows["agent"] = np.where(draws.happens(0.015, count), ABSENT, agent)
        stage = draws.choose(_STAGES, rows["reason"]) + 1
        rows["stage"] = np.where(draws.happens(0.04, count), ABSENT, stage)

    def _take_time(self, rows: Rows) -> None:
        draws, channel = self._draws, rows["channel"].astype(np.int64)
        medians = _WAITS[channel] * self._calendar.rush(rows["at"]) // 100
        if self._trouble is not None:
            medians = np.where(self.troubled(rows), medians * self._trouble.wait_factor, medians)
        wait = draws.stretch(medians, _WAIT_SHAPES, channel)
        wait = np.where(rows["handler"] == BOT, draws.below(2 * SECOND, len(rows)), wait)
        alone = (rows["handler"] == SELF_SERVICE) | (rows["direction"] == OUTBOUND)
        rows["wait_ms"] = np.where(alone, NO_ANSWER, np.minimum(wait, MAX_SECONDS * SECOND))
        rows["handle_ms"] = draws.stretch(_HANDLES[channel], _HANDLE_SHAPES, channel)

    def _end(self, rows: Rows) -> None:
        draws, count, troubled = self._draws, len(rows), self.troubled(rows)
        place = (rows["handler"].astype(np.int64) - 1) * (len(REASONS) + 1) + rows["reason"]
        outcome = draws.choose(_OUTCOMES, np.where(troubled, len(_OUTCOMES) - 1, place))
        slips = draws.happens(np.maximum(-skill(rows["agent"].astype(np.int64)), 0) / 2_000, count)
        outcome = np.where(slips & (outcome == RESOLVED), UNRESOLVED, outcome)
        gone = draws.happens(self._impatience(rows) + np.where(troubled, 0.08, 0.0), count)
        gone &= rows["direction"] == INBOUND
        rows["outcome"] = np.where(gone, ABANDONED, outcome)
        unknown = gone | draws.happens(0.01, count)
        rows["handle_ms"] = np.where(unknown, NO_ANSWER, rows["handle_ms"])
        rows["agent"] = np.where(gone, ABSENT, rows["agent"])

    def _impatience(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the share that gives up: more with the wait where one waits on the spot, few in writing."""
        patience, wait = _PATIENCE[rows["channel"]], np.maximum(rows["wait_ms"], 0)
        waiting = wait / np.maximum(2 * patience, 1)
        return np.where(patience > 0, 0.02 + np.minimum(waiting, 0.6), 0.005)
