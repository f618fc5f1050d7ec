"""Recipes for tools that ask live SQL. Each is a program that runs; what is one worker's own is filled in.

The token is in none of them: they read it from the variable FIRSTHAND_TOKEN.
"""

import shlex
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from pipeline.errors import InputError

RECIPES: Mapping[str, str] = {
    "python": "python.py",
    "cli": "cli.sql",
    "sqlalchemy": "sqlalchemy.py",
    "node": "node.mjs",
    "adbc": "adbc.py",
    "harlequin": "harlequin.sh",
    "superset": "superset.sh",
    "views": "views.sql",
    "offline": "offline.sql",
}
"""The file of each tool's recipe."""

ADDRESS = "quack:127.0.0.1:9494"
"""Live SQL's own, unless it is taken or another was set."""

_DATABASE = " --db x.duckdb"


def titles() -> Mapping[str, str]:
    """What each recipe is for."""
    return {tool: _written(tool).partition("\n")[0].lstrip("#-/ ") for tool in RECIPES}


def recipe(tool: str, address: str, database: Path | None) -> str:
    """The recipe for `tool`, to ask live SQL at `address`; InputError for a tool that has none."""
    if tool not in RECIPES:
        raise InputError(f"there is no recipe for {tool}; there are {', '.join(RECIPES)}")
    return _filled_in(_written(tool), address, database)


def how_to_begin(address: str, database: Path | None) -> str:
    """Where live SQL is, how to get a token, and which recipes there are."""
    listed = "\n".join(f"    {tool:<12}{title}" for tool, title in titles().items())
    return _filled_in(_BEGINNING, address, database or Path("x.duckdb")).replace("TOOLS", listed)


def _written(tool: str) -> str:
    return files(__name__).joinpath(RECIPES[tool]).read_text(encoding="utf-8")


def _filled_in(text: str, address: str, database: Path | None) -> str:
    for name in ("httpfs", "quack"):
        text = text.replace(f"/path/to/{name}.duckdb_extension", _extension(name).replace("'", "''"))
    option = f" --db {shlex.quote(str(database))}" if database else ""
    return text.replace(ADDRESS, address).replace(_DATABASE, option)


def _extension(name: str) -> str:
    """Where the one that came with this program is."""
    folder = files(f"duckdb_extension_{name}") / "extensions" / f"v{version('duckdb')}"
    return str(folder / f"{name}.duckdb_extension")


_BEGINNING = f"""\
Live SQL answers at {ADDRESS}, to readers with a token. It is shown once:

    export FIRSTHAND_TOKEN=$(firsthand token new NAME{_DATABASE})

`firsthand connect TOOL{_DATABASE}` prints a recipe, ready to run; TOOL is one of

TOOLS"""
