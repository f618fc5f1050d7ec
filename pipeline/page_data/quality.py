"""The checks, run when somebody asks for them: they take seconds, and one run at a time is enough."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pipeline.page_data.moments import written

if TYPE_CHECKING:  # Great Expectations takes seconds to import
    from checks.report import CheckReport


class Quality:
    """What the last run of the checks found, until the next."""

    def __init__(self, run: Callable[[], Awaitable["CheckReport | None"]]) -> None:
        self._run = run
        self._last: CheckReport | None = None
        self._running: asyncio.Task[CheckReport | None] | None = None

    def as_dict(self) -> dict[str, Any]:
        """The last result, without the rows that offended: they may name customers."""
        return {"running": self._running is not None, "last": self._last and _told(self._last)}

    async def run(self) -> dict[str, Any]:
        """Run the checks; who asks while they run waits for the same run."""
        if self._running is None:
            self._running = asyncio.ensure_future(self._run())
        running = self._running
        try:
            self._last = await asyncio.shield(running)
        finally:
            if running.done() and self._running is running:
                self._running = None
        return self.as_dict()


def _told(found: "CheckReport") -> dict[str, Any]:
    return {
        "as_of": written(found.as_of),
        "success": found.success,
        "suites": [_suite(found, name) for name in dict.fromkeys(each.suite for each in found.findings)],
        "failures": [
            {"suite": each.suite, "expectation": each.expectation, "table": each.table}
            for each in found.failures
        ],
    }


def _suite(found: "CheckReport", name: str) -> dict[str, Any]:
    mine = [each for each in found.findings if each.suite == name]
    return {
        "name": name,
        "met": sum(each.success for each in mine),
        "of": len(mine),
        "not_judged": sum(not each.judged for each in mine),
    }
