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
        first = runs(at_us, member, demerits)
        rows = np.repeat(first, np.maximum(np.add.reduceat(weight, first, dtype=np.int64), 0))
        at_us, member, demerits = at_us[rows], member[rows], demerits[rows]
    return Answers(at_us, member, demerits, np.ones(len(at_us), np.int64))


def runs(*columns: Numbers) -> Numbers:
    """Where rows begin that differ from the one before in any of these columns; there must be rows.

    >>> runs(np.array([5, 5, 7, 7]), np.array([1, 1, 1, 2])).tolist()
    [0, 2, 3]
    """
    differ = [column[1:] != column[:-1] for column in columns]
    return np.append(0, np.flatnonzero(np.logical_or.reduce(differ)) + 1)


def follow(scores: Scores, answers: Answers, limit_of: Callable[[int], int]) -> Iterator[Flip]:
    """Move the scores by these `ordered` answers; what is raised and what ends, member by member.

    `limit_of`: the chart's limit, asked for once a score reaches what stands for it.
    """
    charted = scores.limit[answers.member] > 0
    if not charted.all():
        answers = Answers(*(column[charted] for column in answers))
    at_us, member, demerits, _ = answers
    if not len(member):
        return
    begins = runs(member)
    ends = np.append(begins[1:], len(member))
    who = member[begins]
    after = _walk(scores, who, ends - begins, demerits)
    highest = np.maximum.reduceat(after, begins)
    for each in who[highest >= scores.limit[who]].tolist():
        scores.limit[each] = limit_of(each)
    crossed = highest >= scores.limit[who]
    _settle(scores, who, begins, ends, after, at_us, ~crossed)
    for n in np.flatnonzero(crossed):
        own = slice(begins[n], ends[n])
        yield from _one(scores, int(who[n]), at_us[own].tolist(), demerits[own].tolist())


def _walk(scores: Scores, who: Numbers, answers: Numbers, demerits: Numbers) -> Numbers:
    """The score after each answer, whatever the limit. `answers`: how many each member has, in turn."""
    sign = np.where(scores.raised[who] != 0, -1, 1)
    moves = np.repeat(sign * scores.step[who], answers) * demerits
    moves -= np.repeat(sign * scores.allowance[who], answers)
    total = np.cumsum(moves)
    before = np.append(0, total[np.cumsum(answers)[:-1] - 1])
    # each member's 0 is far below that of the one before, so that the lowest so far is its own
    zero = -_APART * np.arange(len(who))
    walk = total - np.repeat(before - scores.score[who] - zero, answers)
    return walk - np.minimum(np.repeat(zero, answers), np.minimum.accumulate(walk))


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
    zeros = np.flatnonzero(after == 0)
    last_zero = np.append(-1, zeros)[np.searchsorted(zeros, ends)]
    fresh = last_zero >= begins
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
