"""A figure: what was measured in each run, its median, and the goal it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One row of the table. `values` has one entry per run, None where a run was too short to tell.

    `at_most` is a goal, None where there is none; missing it is told, and is no failure.

    >>> figure = Figure("CPU per million events", "s", [9.0, 7.5, 7.0], at_most=8)
    >>> figure.median, figure.is_met
    (7.5, True)
    """

    name: str
    unit: str
    values: Sequence[float | None]
    at_most: float | None = None

    @property
    def median(self) -> float | None:
        """The middle of what is known; None where nothing is."""
        known = [value for value in self.values if value is not None]
        return median(known) if known else None

    @property
    def is_met(self) -> bool | None:
        """Whether the median is within the goal; None without goal or median."""
        if self.at_most is None or self.median is None:
            return None
        return self.median <= self.at_most

    def as_dict(self) -> dict[str, Any]:
        """For the JSON: unit, median, every run, and the goal where there is one."""
        goal = {} if self.at_most is None else {"goal_at_most": self.at_most, "met": self.is_met}
        return {"unit": self.unit, "median": self.median, "runs": list(self.values), **goal}


@dataclass(frozen=True)
class Part:
    """One of the measurements: its figures, and the facts one needs to read them."""

    title: str
    figures: Sequence[Figure]
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For the JSON: figures by name."""
        return {
            "title": self.title,
            "figures": {each.name: each.as_dict() for each in self.figures},
            "facts": self.facts,
        }


def per_run(name: str, unit: str, runs: Sequence[dict[str, Any]], at_most: float | None = None) -> Figure:
    """The figure `name` out of what each run measured.

    >>> per_run("wait", "s", [{"wait": 1.0}, {"wait": 3.0}]).median
    2.0
    """
    return Figure(name, unit, [run[name] for run in runs], at_most)
