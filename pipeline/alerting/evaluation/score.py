"""The scores of all members at once, over a stretch of answers in which no chart is renewed.

Where no limit is reached, which is nearly always, a member's scores are a running sum less its running
minimum, for all members in a few passes of numpy. A member that reaches a limit is followed answer by answer.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple, Self

import numpy as np

from pipeline.alerting.evaluation.stream import Answers, Numbers

_APART = 1 << 44
"""More than any sum of one stretch: keeps the members apart in one running minimum."""


@dataclass
class Scores:
    """One row per member, by its number; a limit of 0 is a member without a chart. One that no score has
    reached may be lower than the chart's.

    `score`: towards an alarm, or, while the condition holds, towards its end. Since it was last 0:
    `since_us` (of the first answer) and `answers`.
    """

    step: Numbers
    allowance: Numbers
    limit: Numbers
    score: Numbers
    since_us: Numbers
    answers: Numbers
    raised: Numbers

    @classmethod
    def of(cls, members: int) -> Self:
        """So many, without charts."""
        return cls(*(np.zeros(members, np.int64) for _ in fields(cls)))

    def copy(self) -> Self:
        """A copy that stays as it is."""
        return type(self)(*(getattr(self, each.name).copy() for each in fields(self)))

    def grow(self, members: int) -> None:
        """Make room for members up to this number."""
        for each in fields(self):
            old = getattr(self, each.name)
            if len(old) < members:
                setattr(self, each.name, np.concatenate((old, np.zeros(members - len(old), np.int64))))


class Flip(NamedTuple):
    """A condition was raised, or ended, by an answer."""

    member: int
    at_us: int
    raised: bool
    since_us: int
    answers: int


def in_time(answers: Answers) -> Answers:
    """The same, which must not be none, in order of (at, demerits).

    >>> in_time(Answers(*(np.array(x) for x in ([9, 5, 5], [2, 3, 4], [0, 1, 0], [1, 1, 1])))).member.tolist()
    [4, 3, 2]
    """
    since_us = answers.at_us - answers.at_us.min()
    order = np.argsort(since_us * (answers.demerits.max() + 1) + answers.demerits, kind="stable")
    return Answers(*(column[order] for column in answers))


def ordered(answers: Answers) -> Answers:
    """Answers `in_time`, one row each, in order of (member, at, demerits): what was taken back is gone.

    >>> taken_back = Answers(*(np.array(x) for x in ([5, 9, 9], [2, 2, 2], [0, 1, 1], [2, 1, -1])))
    >>> [column.tolist() for column in ordered(taken_back)]
    [[5, 5], [2, 2], [0, 0], [1, 1]]
    """
    fewest_bits = np.min_scalar_type(answers.member.max())  # up to 16, numpy sorts by digits
    order = np.argsort(answers.member.astype(fewest_bits), kind="stable")
    at_us, member, demerits, weight = (column[order] for column in answers)
    if (weight != 1).any():
        new = np.ones(len(order), bool)
        new[1:] = (np.diff(member) != 0) | (np.diff(at_us) != 0) | (np.diff(demerits) != 0)
        (first,) = np.nonzero(new)
        times = np.maximum(np.add.reduceat(weight, first), 0) if len(first) else weight
        at_us, member, demerits = (np.repeat(column[first], times) for column in (at_us, member, demerits))
    return Answers(at_us, member, demerits, np.ones(len(at_us), np.int64))


def follow(scores: Scores, answers: Answers, limit_of: Callable[[int], int]) -> Iterator[Flip]:
    """Move the scores by these `ordered` answers; what is raised and what ends, member by member.

    `limit_of`: the chart's limit, asked for once a score reaches what stands for it.
    """
    charted = scores.limit[answers.member] > 0
    at_us, member, demerits, _ = (column[charted] for column in answers)
    if not len(member):
        return
    begins = np.flatnonzero(np.diff(member, prepend=-1))
    ends = np.append(begins[1:], len(member))
    who = member[begins]
    segment = np.repeat(np.arange(len(who)), ends - begins)
    moves = scores.step[member] * demerits - scores.allowance[member]
    moves = np.where(scores.raised[member] != 0, -moves, moves)
    total = np.cumsum(moves)
    walk = total - np.repeat(total[begins] - moves[begins] - scores.score[who], ends - begins)
    lowest = np.minimum.accumulate(walk - segment * _APART) + segment * _APART
    after = walk - np.minimum(0, lowest)
    for each in who[np.logical_or.reduceat(after >= scores.limit[member], begins)].tolist():
        scores.limit[each] = limit_of(each)
    crossed = np.logical_or.reduceat(after >= scores.limit[member], begins)
    _settle(scores, who, begins, ends, after, at_us, ~crossed)
    for n in np.flatnonzero(crossed):
        own = slice(begins[n], ends[n])
        yield from _one(scores, int(who[n]), at_us[own].tolist(), demerits[own].tolist())


def _settle(
    scores: Scores,
    who: Numbers,
    begins: Numbers,
    ends: Numbers,
    after: Numbers,
    at_us: Numbers,
    quiet: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> None:
    """Where members that reached no limit stand at the end."""
    rows = np.arange(len(after))
    last_zero = np.maximum.reduceat(np.where(after == 0, rows, -1), begins)
    fresh = last_zero >= 0
    since = np.where(fresh, last_zero + 1, begins)
    answers = ends - since
    began = fresh | (scores.answers[who] == 0)
    first_us = at_us[np.minimum(since, len(at_us) - 1)]
    who_q, began = who[quiet], began[quiet]
    scores.score[who_q] = after[ends - 1][quiet]
    scores.since_us[who_q] = np.where(began, first_us[quiet], scores.since_us[who_q])
    scores.answers[who_q] = answers[quiet] + np.where(began, 0, scores.answers[who_q])


def _one(scores: Scores, member: int, at_us: list[int], demerits: list[int]) -> Iterator[Flip]:
    """The same for one member, answer by answer, over limits."""
    step, allowance, limit = (int(column[member]) for column in (scores.step, scores.allowance, scores.limit))
    score, since, answers, raised = (
        int(column[member]) for column in (scores.score, scores.since_us, scores.answers, scores.raised)
    )
    for at, x in zip(at_us, demerits, strict=True):
        move = step * x - allowance
        score = max(0, score + (-move if raised else move))
        if score == 0:
            answers = 0
            continue
        since = since if answers else at
        answers += 1
        if score >= limit:
            raised = 1 - raised
            yield Flip(member, at, bool(raised), since, answers)
            score = answers = 0
    for name, value in {"score": score, "since_us": since, "answers": answers, "raised": raised}.items():
        getattr(scores, name)[member] = value
