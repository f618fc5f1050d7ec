"""The JSON Schemas of the events, for whoever wants to check with a validator of their own."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from referencing import Registry

FOLDER = Path(__file__).parent


@cache
def schema(name: str = "touchpoint") -> dict[str, Any]:
    """Read the schema of one event type, or that of any event; the result is shared: do not change it.

    Raises FileNotFoundError where there is no schema of that name.

    >>> schema("touchpoint.survey.v1")["title"]
    'A survey answer'
    """
    contents: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text("utf-8"))
    return contents


def registry() -> "Registry[Any]":
    """Collect all schemas, so that their references to one another resolve without a network.

    Needs the packages of the extra `dev`.

    >>> from jsonschema import Draft202012Validator
    >>> Draft202012Validator(schema(), registry=registry()).is_valid({"specversion": "1.0"})
    False
    """
    from referencing import Registry, Resource  # noqa: PLC0415  # jsonschema's own, not needed to run

    names = (path.name.removesuffix(".schema.json") for path in sorted(FOLDER.glob("*.schema.json")))
    return Registry[Any]().with_resources(
        (contents["$id"], Resource.from_contents(contents)) for contents in map(schema, names)
    )
