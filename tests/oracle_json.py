"""The judge's own reader of JSON (RFC 8259): no recursion, so that any depth of nesting is only long.

Numbers stay as they were written: what 4.0 or 1e400 means is the question of the field that asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Json: TypeAlias = "bool | str | Number | list[Json] | dict[str, Json] | None"


class NotJsonError(ValueError):
    """The text is no JSON, or holds what the contract counts as such: U+0000 or a lone surrogate."""


@dataclass(frozen=True)
class Number:
    text: str


@dataclass
class _Box:
    """An object or array still open, and the name under which its next value goes."""

    inside: dict[str, Json] | list[Json]
    name: str = ""
    wants: str = field(init=False)

    def __post_init__(self) -> None:
        self.wants = ", or }" if isinstance(self.inside, dict) else ", or ]"

    def put(self, value: Json) -> None:
        if isinstance(self.inside, dict):
            self.inside[self.name] = value
        else:
            self.inside.append(value)


_SPACE = re.compile(r"[ \t\n\r]*")
_TOKENS = {
    "mark": re.compile(r"[{}\[\]:,]"),
    "word": re.compile(r"true|false|null"),
    "number": re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"),
    "string": re.compile(r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*"'),
}
_VALUE = ("{", "[", "word", "number", "string")
_ALLOWED = {
    "value": _VALUE,
    "value or ]": (*_VALUE, "]"),
    "name": ("string",),
    "name or }": ("string", "}"),
    "colon": (":",),
    ", or }": (",", "}"),
    ", or ]": (",", "]"),
    "end": (),
}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def read_json(text: str) -> Json:
    """The value that a whole text stands for; of two equal names in an object, the last counts.

    >>> read_json(' {"a": [1.50, true, "\\\\u00e9"]} ')
    {'a': [Number(text='1.50'), True, 'é']}
    """
    boxes: list[_Box] = []
    whole: Json = None
    wanted = "value"
    for kind, token in _tokens(text):
        if kind not in _ALLOWED[wanted]:
            raise NotJsonError(f"{wanted} was expected, {token[:20]!r} found")
        if wanted.startswith("name") and kind == "string":
            boxes[-1].name = _unescaped(token)
            wanted = "colon"
        elif kind == ":":
            wanted = "value"
        elif kind == ",":
            wanted = "name" if isinstance(boxes[-1].inside, dict) else "value"
        elif kind in {"}", "]"}:
            boxes.pop()
            wanted = boxes[-1].wants if boxes else "end"
        else:
            value = _value(kind, token)
            if boxes:
                boxes[-1].put(value)
            else:
                whole = value
            if isinstance(value, dict | list):
                boxes.append(_Box(value))
                wanted = "name or }" if kind == "{" else "value or ]"
            else:
                wanted = boxes[-1].wants if boxes else "end"
    if wanted != "end":
        raise NotJsonError(f"the text ends where {wanted} was expected")
    return whole


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """The marks, words, numbers and strings of the text; a mark is its own kind."""
    at = _end_of_space(text, 0)
    while at < len(text):
        kind, token = _token_at(text, at)
        yield (token if kind == "mark" else kind), token
        at = _end_of_space(text, at + len(token))


def _end_of_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _token_at(text: str, at: int) -> tuple[str, str]:
    for kind, pattern in _TOKENS.items():
        found = pattern.match(text, at)
        if found:
            return kind, found[0]
    raise NotJsonError(f"nothing in JSON begins like {text[at : at + 20]!r}")


def _value(kind: str, token: str) -> Json:
    if kind == "{":
        return {}
    if kind == "[":
        return []
    if kind == "word":
        return _WORDS[token]
    return Number(token) if kind == "number" else _unescaped(token)


def _unescaped(token: str) -> str:
    """What a string token stands for; the two halves of a surrogate pair are one character."""
    parts = re.findall(r"\\u[0-9a-fA-F]{4}|\\.|[^\\]", token[1:-1], re.DOTALL)
    text = "".join(_character(part) for part in parts)
    try:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError as error:
        raise NotJsonError("a string holds half a surrogate pair") from error
    if "\0" in text:
        raise NotJsonError("a string holds U+0000")
    return text


def _character(part: str) -> str:
    if part.startswith("\\u"):
        return chr(int(part.removeprefix("\\u"), base=16))
    return _ESCAPES[part[1]] if part.startswith("\\") else part
