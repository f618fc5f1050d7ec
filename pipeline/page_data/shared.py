"""Answers computed once for all who watch, and no oftener than their cost allows."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from math import sqrt

DUTY = 0.04
"""The share of one core that keeping the pages current may take, however many are open."""
LEAST_AGE_S = 1.0
WATCHED_S = 30.0
"""Whatever nobody asked for so long is watched no more."""
MOST = 256
"""Answers kept: the one asked for longest ago makes room."""

Compute = Callable[[], Awaitable[tuple[bytes, float]]]
"""Gives an answer, and the seconds of a core that it took."""


@dataclass
class _Answer:
    """The last body, of which version, when it was done and at what cost; when it was last asked for.

    The first time costs more than later ones and says nothing of them: it is not counted.
    """

    asked: float
    version: Hashable = None
    body: bytes = b""
    done: float | None = None
    cost: float | None = None
    running: "asyncio.Task[bytes] | None" = None


class Shared:
    """Keeps the last answer to every question.

    The first to ask waits for it; later ones get it as it is, until there is another version and it is
    due again: then the next who asks waits. All that is watched takes the share `duty` of a core
    together; what costs four times as much is computed half as often, so that together they are least old.
    """

    def __init__(self, duty: float = DUTY, clock: Callable[[], float] | None = None) -> None:
        self._duty = duty
        self._clock = clock or (lambda: asyncio.get_running_loop().time())
        self._answers: dict[Hashable, _Answer] = {}

    async def answer(self, question: Hashable, version: Hashable, compute: Compute) -> bytes:
        """The answer to `question`, by `compute` if it is due; `version`: of what it is computed from."""
        at = self._clock()
        answer = self._answers.pop(question, None) or _Answer(at)
        self._answers[question] = answer  # the last asked for stands last
        answer.asked = at
        self._forget(at)
        if answer.running is None and self._due(answer, version, at):
            answer.running = asyncio.create_task(self._computed(answer, version, compute))
        if answer.running is not None:
            return await asyncio.shield(answer.running)
        return answer.body

    def _due(self, answer: _Answer, version: Hashable, at: float) -> bool:
        if answer.done is None:
            return True
        if answer.version == version:
            return False
        watched = [each for each in self._answers.values() if at - each.asked <= WATCHED_S]
        period_s = sqrt(answer.cost or 0.0) * sum(sqrt(each.cost or 0.0) for each in watched) / self._duty
        return at - answer.done >= max(LEAST_AGE_S, period_s)

    async def _computed(self, answer: _Answer, version: Hashable, compute: Compute) -> bytes:
        try:
            answer.body, cost = await compute()
            answer.cost = None if answer.done is None else cost
            answer.version, answer.done = version, self._clock()
        finally:
            answer.running = None
        return answer.body

    def _forget(self, at: float) -> None:
        """Let go of what nobody watches, beyond MOST."""
        for question in list(self._answers)[:-MOST]:
            if self._answers[question].running is None and at - self._answers[question].asked > 0:
                del self._answers[question]
