"""The rules file: YAML, every mistake told with its line."""

from collections.abc import Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.alerting.rules import Rules
from pipeline.errors import InputError

MOST_TOLD = 5


def read_rules(path: Path) -> Rules:
    r"""The rules in a file. InputError with the line of each mistake, as many as can be read in one go.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "rules.yaml")
    ...     _ = file.write_text("rules:\n  - {name: quiet, kind: silence, after: 2h}\n")
    ...     read_rules(file).rules[0].after
    '2h'
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a rules file") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not in UTF-8; save it so") from error
    try:
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InputError(f"{path}{line}: {error.problem or error.context}; write YAML") from error
    if root is None:
        raise InputError(f"{path} is empty; write `rules:` and what you want to be told of")
    if twice := next(_keys_twice(root), None):
        raise InputError(f"{path}, line {_line(twice)}: {twice.value} is there twice; leave one out")
    try:
        return Rules.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        raise InputError(_told(path, root, error.errors())) from error


def rules_of(path: Path | None) -> Rules:
    """The rules in a file that was named, or else the default ones.

    >>> "satisfaction-falls" in [rule.name for rule in rules_of(None).rules]
    True
    """
    if path is not None:
        return read_rules(path)
    with as_file(files(__package__).joinpath("default_rules.yaml")) as default:
        return read_rules(default)


def _told(path: Path, root: yaml.Node, errors: Sequence[ErrorDetails]) -> str:
    found = [_mistake(root, each) for each in errors[:MOST_TOLD]]
    more = f"; and {len(errors) - MOST_TOLD} more" if len(errors) > MOST_TOLD else ""
    return f"{path}, " + "; ".join(found) + more


def _mistake(root: yaml.Node, error: ErrorDetails) -> str:
    node, name = _found(root, error["loc"])
    if error["type"] in _OWN_WORDS:
        name = str(error["loc"][-1])
    reason = _OWN_WORDS.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"line {_line(node)}: {f'{name}: ' if name else ''}{reason[0].lower()}{reason[1:]}"


_OWN_WORDS = {"missing": "is missing", "extra_forbidden": "is not known here"}


def _found(node: yaml.Node, loc: Sequence[int | str]) -> tuple[yaml.Node, str]:
    """The node at `loc`, or the last one on the way there, and the name under which it stands.

    pydantic names kinds of rules on the way, too, which are nowhere in the file.
    """
    name = ""
    for step in loc:
        inner = _within(node, step)
        if inner is not None:
            node, name = inner, step if isinstance(step, str) else ""
    return node, name


def _within(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
        found: yaml.Node = node.value[step]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _keys_twice(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """YAML's own reader would take the last one and say nothing."""
    if isinstance(node, yaml.SequenceNode):
        for each in node.value:
            yield from _keys_twice(each)
    elif isinstance(node, yaml.MappingNode):
        seen: set[Any] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key
            seen.add(key.value)
            yield from _keys_twice(value)


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def rules_schema() -> dict[str, Any]:
    """The JSON Schema by which editors complete and check a rules file; `schemas/` holds it as a file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://firsthand.example/schemas/alert-rules.schema.json",
        **Rules.model_json_schema(by_alias=True),
        "title": "Rules of firsthand's alerts",
    }
