r"""JSON as RFC 8259 has it: nothing more than Python's own reader takes, and nothing less.

More than JSON: NaN and Infinity, lone surrogates, and (by the contract) `\u0000`; all are refused.
Less than JSON: numbers of more than 4,300 digits and deep nesting, on which Python's reader gives up;
numbers therefore stay text until a rule asks for their value, and deep values are read by `_shallow`.
"""

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import NoReturn


class NotJSONError(ValueError):
    """The text is not JSON."""


class Number(str):
    """A number as it is written: `4`, `4.0`, `1e400`."""

    __slots__ = ()


def read(text: str) -> object:
    """Read the value of `text`, each number as a `Number`; what is nested in a field of data may be missing.

    Raises NotJSONError.

    >>> read('{"csat": 4.0}')
    {'csat': '4.0'}
    """
    try:
        value = _read(text)
    except RecursionError:
        value = _read(_shallow(text))
    if "\\u" in text:
        _check_escapes(text)
    return value


def exact(number: str) -> Decimal:
    """Give the value of a JSON number; beyond 10^±100,000 a stand-in that far out, or zero.

    No record has digits enough to bring such an exponent back into a range that anything asks for,
    and a Decimal has no room for every exponent that JSON allows.

    >>> exact("40e-1") == 4, exact("1e400") > 10**7, exact("0e99999999999999999999") == 0
    (True, True, True)
    """
    mantissa, _, exponent = number.lower().partition("e")
    if not exponent:
        return Decimal(mantissa)
    digits = exponent.lstrip("+-0")[:6] or "0"
    power = min(int(digits), 100_000)
    return Decimal(f"{mantissa}e{'-' if exponent[0] == '-' else ''}{power}")


def _refuse_constant(constant: str) -> NoReturn:
    raise NotJSONError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)


def _read(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotJSONError(f"{error.msg} at character {error.pos}") from None


_ESCAPE = re.compile(
    r"\\(?:[^u]"
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|u(?P<refused>0000|[dD][89a-fA-F][0-9a-fA-F]{2})"
    r"|u)"
)


def _check_escapes(text: str) -> None:
    # In text that is JSON, every backslash begins an escape: no need to know where strings end.
    for escape in _ESCAPE.finditer(text):
        if escape["refused"]:
            raise NotJSONError(f"the escape \\u{escape['refused']} at character {escape.start()}")


_TOKEN = re.compile(
    r"""
    [ \t\n\r]*
    (?: (?P<string>  " [^"\\\x00-\x1f]* (?: \\ (?:["\\/bfnrt] | u[0-9a-fA-F]{4}) [^"\\\x00-\x1f]* )* " )
      | (?P<scalar>  -? (?:0|[1-9][0-9]*) (?:\.[0-9]+)? (?:[eE][+-]?[0-9]+)? | true | false | null )
      | (?P<mark>    [\[\]{},:] )
      | (?P<end>     \Z )
    )
    """,
    re.VERBOSE,
)
_CLOSE = {"[": "]", "{": "}"}
_AFTER_OPEN = {"[": "item or end", "{": "key or end"}
_AFTER_COMMA = {"[": "value", "{": "key"}
_LEVELS_KEPT = 2  # the event and its data; what stands in a field of data is kept as an empty [] or {}


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while True:
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotJSONError(f"no JSON at character {position}")
        kind = match.lastgroup or ""
        token = match[kind]
        yield token if kind == "mark" else kind, token
        if kind == "end":
            return
        position = match.end()


def _shallow(text: str) -> str:
    """Leave out what is nested deeper than `_LEVELS_KEPT`, having checked that it is JSON too.

    A loop with its own stack, because nesting is what Python's reader failed on.

    >>> _shallow('{"data": {"reason": [[[]]], "csat": 4}}')
    '{"data":{"reason":[],"csat":4}}'
    """
    kept: list[str] = []
    opened: list[str] = []
    expected = "value"
    for kind, token in _tokens(text):
        level = len(opened)
        closes = bool(opened) and kind == _CLOSE[opened[-1]]
        match expected, kind:
            case (("value" | "item or end"), ("string" | "scalar")):
                expected = "comma or end"
            case (("value" | "item or end"), ("[" | "{")):
                opened.append(kind)
                expected = _AFTER_OPEN[kind]
            case (("key" | "key or end"), "string"):
                expected = "colon"
            case "colon", ":":
                expected = "value"
            case "comma or end", "," if opened:
                expected = _AFTER_COMMA[opened[-1]]
            case (("comma or end" | "item or end" | "key or end"), _) if closes:
                opened.pop()
                level -= 1
                expected = "comma or end"
            case "comma or end", "end" if not opened:
                break
            case _:
                raise NotJSONError(f"{token or 'the end'} where JSON asks for: {expected}")
        if level <= _LEVELS_KEPT:
            kept.append(token)
    return "".join(kept)
