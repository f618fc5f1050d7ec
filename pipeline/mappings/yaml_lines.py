"""YAML read as text with its places: every value stays as written, every error names its line."""

from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import yaml

from pipeline.errors import InputError


class Entry(NamedTuple):
    """One value of a YAML file and where it stands: `path` as a reader would say it.

    Nothing is typed on the way: `007` is the text 007, `Yes` is the text Yes, 2021-01-31 is no date.
    """

    file: str
    path: str
    node: yaml.Node

    def failure(self, message: str) -> InputError:
        """Make the error that says what is wrong with this value, and where it stands."""
        where = f"{self.path}: " if self.path else ""
        return InputError(f"{self.file}, line {self.node.start_mark.line + 1}: {where}{message}")

    def text(self) -> str:
        """Read the value as it is written."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.failure(f"one value is expected here, not {_shape(self.node)}")
        return str(self.node.value)

    def text_or_null(self) -> str | None:
        """As `text`; None where nothing, `~` or an unquoted `null` is written."""
        text = self.text()
        plain = isinstance(self.node, yaml.ScalarNode) and self.node.style is None
        return None if plain and text in {"", "~", "null"} else text

    def filled(self) -> str:
        """As `text`, and it must not be empty."""
        text = self.text()
        if not text:
            raise self.failure("is empty; write a value, or take the line out")
        return text

    def one_of(self, known: tuple[str, ...]) -> str:
        """As `text`, and it must be one of `known`."""
        text = self.text()
        if text not in known:
            raise self.failure(f"{text!r} is not known here; {nearest(text, known)}")
        return text

    def entries(self) -> "list[Entry]":
        """Read the values of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.failure(f"a list is expected here, not {_shape(self.node)}")
        return [Entry(self.file, f"{self.path}[{n}]", node) for n, node in enumerate(self.node.value)]

    def fields(self, known: tuple[str, ...] = (), required: tuple[str, ...] = ()) -> "dict[str, Entry]":
        """Read the values of a mapping by name; `known` names, if given, are the only ones allowed."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.failure(f"names with values are expected here, not {_shape(self.node)}")
        found: dict[str, Entry] = {}
        for key, value in self.node.value:
            name = self._at(key).text()
            entry = Entry(self.file, f"{self.path}.{name}".lstrip("."), value)
            if known and name not in known:
                raise self._at(key).failure(f"{name!r} is not known here; {nearest(name, known)}")
            if name in found:
                raise self._at(key).failure(f"{name!r} stands here twice; keep one")
            found[name] = entry
        for name in required:
            if name not in found:
                raise self.failure(f"`{name}:` is missing")
        return found

    def _at(self, node: yaml.Node) -> "Entry":
        return Entry(self.file, self.path, node)


def read_yaml(file: Path) -> Entry:
    """Read the one document of a YAML file; InputError where it cannot be read or is no YAML."""
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: is not UTF-8 text; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{file}{_line_of(error)}: is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InputError(f"{file}: is no YAML: {' '.join(str(error).split())}") from error
    if node is None:
        raise InputError(f"{file}: is empty")
    return Entry(str(file), "", node)


def nearest(name: str, known: tuple[str, ...]) -> str:
    """Say what a person who wrote `name` may have meant.

    >>> nearest("Agnet", ("Agent", "Topic"))
    "did you mean 'Agent'? There are: 'Agent', 'Topic'"
    """
    close = get_close_matches(name, known, n=1)
    listed = ", ".join(repr(one) for one in known) or "none"
    return f"did you mean {close[0]!r}? There are: {listed}" if close else f"there are: {listed}"


def _line_of(error: yaml.MarkedYAMLError) -> str:
    return f", line {error.problem_mark.line + 1}" if error.problem_mark else ""


def _shape(node: yaml.Node) -> str:
    match node:
        case yaml.MappingNode():
            return "names with values"
        case yaml.SequenceNode():
            return "a list"
    return "one value"
