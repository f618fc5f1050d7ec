"""The figures for people: one table, goals beside the medians."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figures import Figure, Part

WIDTH_WITHOUT_TERMINAL = 130


def show(parts: Mapping[str, Part], machine: Mapping[str, Any], runs: int) -> None:
    """Print the table of all parts to stdout, and below it what was measured on."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_WITHOUT_TERMINAL)
    table = Table(title=f"firsthand bench; runs of each: {runs}", title_justify="left", header_style="bold")
    table.add_column("part")
    table.add_column("figure")
    for name in ("median", "lowest", "highest", "goal"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for letter, part in parts.items():
        table.add_section()
        table.add_row(letter, f"[bold]{part.title}[/]", "", "", "", "", "")
        for figure in part.figures:
            table.add_row("", figure.name, *_cells(figure))
    console.print(table)
    for letter, part in parts.items():
        for name, fact in part.facts.items():
            if isinstance(fact, str | int | float):
                console.print(f"{letter}: {name}: {fact}", highlight=False, soft_wrap=True)
    console.print(", ".join(f"{name} {fact}" for name, fact in machine.items()), highlight=False)


def _cells(figure: Figure) -> tuple[str, ...]:
    known = [value for value in figure.values if value is not None]
    lowest, highest = (min(known), max(known)) if len(known) > 1 else (None, None)
    goal = "" if figure.at_most is None else f"<= {_number(figure.at_most)}"
    verdict = {True: "[green]met[/]", False: "[red]missed[/]", None: ""}[figure.is_met]
    return (f"{_number(figure.median)} {figure.unit}", _number(lowest), _number(highest), goal, verdict)


def _number(value: float | None) -> str:
    """Three digits that mean something, thousands apart.

    >>> _number(123456.7), _number(7.0), _number(0.0421), _number(None)
    ('123,457', '7.00', '0.042', '-')
    """
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
