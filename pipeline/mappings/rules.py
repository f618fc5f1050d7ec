"""What a mapping file says, as values: where an event, its time and each of its fields come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pipeline.exports.row import Cell, cell_text
from pipeline.fields import Field

_LONE = ("", "column", "")
"""The parts of a template that is nothing but one column."""

Cells = Mapping[str, Cell]
"""The cells that a mapping reads, by column, of one row."""


@dataclass(frozen=True, slots=True)
class Template:
    """Text with columns in it: at even positions text as it is, at odd ones the name of a column."""

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it reads, none for a constant."""
        return self.parts[1::2]

    def fill(self, cells: Cells) -> Cell:
        """Say what it makes of one row: empty where a column of it is; a lone column's cell as it is."""
        if len(self.parts) == 1:
            return self.parts[0]
        if len(self.parts) == len(_LONE) and self.parts[::2] == _LONE[::2]:
            return cells[self.parts[1]]
        if any(cells[column] == "" for column in self.columns):
            return ""
        return "".join(cell_text(cells[part]) if odd % 2 else part for odd, part in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be so in a row: the text of `column` is one of `texts` (or none of them)."""

    column: str
    texts: frozenset[str]
    negated: bool

    def holds(self, cells: Cells) -> bool:
        """Tell whether it is so in this row."""
        return (cell_text(cells[self.column]) in self.texts) is not self.negated


@dataclass(frozen=True, slots=True)
class FieldRule:
    """Where one field of `data` comes from. `values` translates; `other` is for what it does not list."""

    field: Field
    origin: Template
    values: Mapping[str, str | None] | None = None
    other: Template | None = None
    unit: str = "seconds"
    cut: int | None = None
    required: bool = False


@dataclass(frozen=True, slots=True)
class EventRule:
    """One event that a row may yield, if all of `when` holds."""

    type: str
    id: Template
    time_columns: tuple[str, ...]
    time_formats: tuple[str, ...]
    when: tuple[Condition, ...]
    data: tuple[FieldRule, ...]

    @property
    def columns(self) -> Iterator[str]:
        """Name every column that it reads."""
        yield from self.time_columns
        yield from self.id.columns
        yield from (condition.column for condition in self.when)
        for rule in self.data:
            yield from rule.origin.columns
            yield from rule.other.columns if rule.other else ()
