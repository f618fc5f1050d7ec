"""What came of a run of the checks."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

Observed = str | int | float | bool | None | list[str]


@dataclass(frozen=True)
class Finding:
    """What came of one expectation.

    `judged` is false where there was nothing to judge by; `success` is then true. `observed` holds the
    figures seen, by name. `sentence` says it for people.
    """

    suite: str
    expectation: str
    table: str
    column: str | None
    success: bool
    judged: bool
    observed: Mapping[str, Observed]
    sentence: str


@dataclass(frozen=True)
class CheckReport:
    """The findings of a run, as of a moment."""

    as_of: datetime
    findings: tuple[Finding, ...]

    @property
    def success(self) -> bool:
        """Does every expectation hold?"""
        return all(finding.success for finding in self.findings)

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings of expectations that do not hold."""
        return tuple(finding for finding in self.findings if not finding.success)

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> "CheckReport":
        """A report from what `to_json` made of it."""
        return cls(
            datetime.fromisoformat(found["as_of"]),
            tuple(Finding(**finding) for finding in found["findings"]),
        )

    def to_json(self) -> str:
        """An object: `success`, `as_of` (RFC 3339) and `findings`, a list of objects."""
        return json.dumps(
            {
                "success": self.success,
                "as_of": self.as_of.isoformat(),
                "findings": [asdict(finding) for finding in self.findings],
            },
            indent=2,
            ensure_ascii=False,
        )

    def summary_lines(self) -> list[str]:
        """For the terminal: a line per suite, then one per failure and per expectation not judged."""
        return [
            line
            for suite in dict.fromkeys(each.suite for each in self.findings)
            for line in self._suite(suite)
        ]

    def _suite(self, suite: str) -> Iterator[str]:
        found = [finding for finding in self.findings if finding.suite == suite]
        met = sum(finding.success for finding in found)
        yield f"{suite}: {met} of {len(found)} expectations hold"
        yield from (f"  FAILED {each.expectation}: {each.sentence}" for each in found if not each.success)
        yield from (f"  not judged {each.expectation}: {each.sentence}" for each in found if not each.judged)
